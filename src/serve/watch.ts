/** Watches the folders of a model for changes. */

import { getLogger } from "@logtape/logtape";

const log = getLogger(["aimodellib", "serve"]);

/** How long no further change must happen before we call back, in ms: an editor or a copy makes many changes. */
const QUIET_MS = 300;

/** Files that Python and editors write on their own. */
const IGNORED = /(^|\/)(__pycache__|\.[^/]*)(\/|$)|\.py[co]$|~$/;

/**
 * Calls back after files in these folders have changed and then stayed unchanged for a moment, until disposed.
 *
 * @param folders absolute paths
 */
export function watch(folders: readonly string[], changed: () => void): Disposable {
  const watcher = Deno.watchFs([...folders], { recursive: true });
  let timer: ReturnType<typeof setTimeout> | undefined;
  void (async () => {
    for await (const { kind, paths } of watcher) {
      const path = paths.find((path) => isPart(path, folders));
      if (path === undefined || kind === "access" || kind === "any" || kind === "other") continue;
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
