/** Watches the folders of a model for changes. */

import { getLogger } from "@logtape/logtape";

const log = getLogger(["aimodellib", "serve"]);

/** How long no further change must happen before we call back, in ms: an editor or a copy makes many changes. */
const QUIET_MS = 300;

/** Files that Python and editors write on their own, logs, and the records of runs (`run.START.json`). */
const IGNORED = /(^|\/)(__pycache__|\.[^/]*)(\/|$)|\.py[co]$|~$|\.log(\.\d+)?$|(^|\/)run\.\d{4}-[^/]*\.json$/;

/**
 * Calls back after files in these folders have changed and then stayed unchanged for a moment, until disposed.
 *
 * @param folders absolute paths
 * @param written returns the paths of files that this program writes to, such as its log: a reload would be followed by another one
 */
export function watch(folders: readonly string[], written: () => readonly string[], changed: () => void): Disposable {
  const watcher = Deno.watchFs([...folders], { recursive: true });
  let timer: ReturnType<typeof setTimeout> | undefined;
  void (async () => {
    for await (const { kind, paths } of watcher) {
      if (kind === "access" || kind === "any" || kind === "other") continue;
      const path = paths.find((path) => isPart(path, folders) && !written().some((file) => isSame(file, path)));
      if (path === undefined) continue;
      clearTimeout(timer);
      timer = setTimeout(() => {
        log.info("'{path}' has changed", { path });
        changed();
      }, QUIET_MS);
    }
  })();
  return {
    [Symbol.dispose]() {
      clearTimeout(timer);
      watcher.close();
    },
  };
}

function isPart(path: string, folders: readonly string[]): boolean {
  const folder = folders.find((folder) => path.startsWith(`${folder}/`));
  return folder !== undefined && !IGNORED.test(path.slice(folder.length + 1));
}

/** Whether two paths lead to the same file. */
function isSame(path: string, other: string): boolean {
  try {
    const [a, b] = [Deno.statSync(path), Deno.statSync(other)];
    return a.ino === b.ino && a.dev === b.dev;
  } catch {
    // One of them does not exist.
    return false;
  }
}
