/** Watches the folders of a model for changes. */

import { crc32 } from "node:zlib";
import { getLogger } from "@logtape/logtape";

const log = getLogger(["aimodellib", "serve"]);

/** How long no further change must happen before we call back, in ms: an editor or a copy makes many changes. */
const QUIET_MS = 300;

/** How many files are looked at before requests have their turn: that takes about a millisecond. */
const AT_ONCE = 200;

/** Files that Python and editors write on their own, logs, and the records of runs (`run.START.json`). */
const IGNORED = /(^|\/)(__pycache__|\.[^/]*)(\/|$)|\.py[co]$|~$|\.log(\.\d+)?$|(^|\/)run\.\d{4}-[^/]*\.json$/;

/**
 * Calls back after files in these folders have changed and then stayed unchanged for a moment, until disposed.
 *
 * Deno queues 16 events and drops the rest, for instance when many files are copied. Each event, even that of an ignored file, therefore
 * starts a comparison of all files with their earlier state.
 *
 * @param folders absolute paths
 * @param written returns the paths of files that this program writes to, such as its log: a reload would be followed by another one
 */
export function watch(folders: readonly string[], written: () => readonly string[], changed: () => void): Disposable {
  const watcher = Deno.watchFs([...folders], { recursive: true });
  const ours = () => new Set(written().map(identityOf).filter((file) => file !== undefined));
  const look = () => {
    const own = ours();
    return Promise.all(folders.map((folder) => digestOf(folder, own)));
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  let ended = false;
  let event = Promise.withResolvers<void>();
  /** The file of the last event that counts, and when that event came, in ms of `performance.now()`. */
  let seen: string | undefined;
  let seenAt = -Infinity;
  void (async () => {
    for await (const { kind, paths } of watcher) {
      if (kind === "access" || kind === "any" || kind === "other") continue;
      const path = paths.find((path) => isPart(path, folders) && !ours().has(identityOf(path) ?? ""));
      if (path !== undefined) [seen, seenAt] = [path, performance.now()];
      event.resolve();
    }
  })();
  void (async () => {
    let before = await look();
    while (!ended) {
      await event.promise;
      event = Promise.withResolvers();
      let now = before;
      for (let waitMs = QUIET_MS; waitMs > 0; waitMs = QUIET_MS - (performance.now() - seenAt)) {
        await new Promise((resolve) => timer = setTimeout(resolve, waitMs));
        now = await look();
        if (ended) return;
      }
      const path = seen ?? folders.find((_, i) => now[i] !== before[i]);
      [before, seen] = [now, undefined];
      if (path === undefined) continue;
      log.info("'{path}' has changed", { path });
      changed();
    }
  })();
  return {
    [Symbol.dispose]() {
      ended = true;
      clearTimeout(timer);
      watcher.close();
    },
  };
}

function isPart(path: string, folders: readonly string[]): boolean {
  const folder = folders.find((folder) => path.startsWith(`${folder}/`));
  return folder !== undefined && !IGNORED.test(path.slice(folder.length + 1));
}

/**
 * Returns a number that is another one after a file in the folder, or below it, was written, added, renamed or removed. Now and then it
 * gives way to requests.
 *
 * @param ours the identities of files that do not count
 */
async function digestOf(top: string, ours: ReadonlySet<string>): Promise<number> {
  let digest = 0;
  let count = 0;
  const folders = [top];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const { name, isDirectory } of entriesOf(folder)) {
      if (IGNORED.test(name)) continue;
      const path = `${folder}/${name}`;
      if (isDirectory) folders.push(path);
      else digest = (digest + digestOfFile(path, ours)) % 2 ** 32;
      if (++count % AT_ONCE === 0) await new Promise((resolve) => setTimeout(resolve));
    }
  }
  return digest;
}

/** The entries of a folder; none if it was removed, or can't be read: then Python can't read it either. */
function entriesOf(folder: string): readonly Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(folder)];
  } catch {
    return [];
  }
}

function digestOfFile(path: string, ours: ReadonlySet<string>): number {
  try {
    const { dev, ino, size, mtime, isFile, isSymlink } = Deno.lstatSync(path);
    if (!(isFile || isSymlink) || ours.has(`${dev}:${ino}`)) return 0;
    // Numbers are added up, since the system lists files in any order.
    return crc32(`${path} ${ino} ${size} ${mtime?.getTime()}`);
  } catch {
    // It was removed meanwhile.
    return 0;
  }
}

/** Names a file, whatever path leads to it; undefined if none does. */
function identityOf(path: string): string | undefined {
  try {
    const { dev, ino } = Deno.statSync(path);
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}
