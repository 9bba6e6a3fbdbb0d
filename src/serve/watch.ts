/** Watches folders for changes of what a model is made of. */

import { getLogger } from "@logtape/logtape";

const log = getLogger(["aimodellib", "serve"]);

/** For more changes to come, in ms: an editor, or a copy of a folder, makes many. */
const QUIET_MS = 300;

/** What Python and editors write by themselves. */
const IGNORED = /(^|\/)(__pycache__|\.[^/]*)(\/|$)|\.py[co]$|~$/;

/**
 * Calls back when files in these folders have changed, and then nothing for a moment; until disposed.
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
