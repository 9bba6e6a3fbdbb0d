/**
 * Makes a copy of an unpacked archive for one run, so that scripts can write into their own folder unseen by other runs.
 *
 *     CACHE/runs/NAME/         the copy; large files are links into the cache, where they are read-only
 *     CACHE/runs/NAME.lock     locked while the run lasts
 */

import { createHash } from "node:crypto";
import { tryLockExclusively } from "../cache/lock.ts";
import { removeIfThere } from "../cache/shelf.ts";
import { type Item, LARGE_BYTES } from "./content.ts";
import { writeAll } from "./files/write_file.ts";

/** A copy for one run, removed when this is disposed. */
export interface RunCopy extends Disposable {
  /** The absolute path of the copy. */
  readonly root: string;
}

/** The folder of the cache directory for copies. */
export const RUNS = "runs";
/** How long to try for a lock that is probably free, in ms. */
const TRY_MS = 20;

/** A small file of the cache has changed since it was unpacked. */
export class ChangedError extends Error {
  override readonly name = "ChangedError";
}

/**
 * Makes the private copy of an unpacked archive that one run works in.
 *
 * @param items the recorded content of `source`
 * @param linked names of folders in the root that become links to the source, because no script writes there
 * @throws {ChangedError} if a file differs from the record
 */
export async function copyForRun(
  source: string,
  items: readonly Item[],
  runs: string,
  linked: readonly string[],
): Promise<RunCopy> {
  const root = `${runs}/${crypto.randomUUID().slice(0, 13)}`;
  const lock = Deno.openSync(`${root}.lock`, { read: true, write: true, createNew: true, mode: 0o600 });
  const dispose = () => {
    try {
      removeIfThere(root);
      removeIfThere(`${root}.lock`);
    } finally {
      lock.close();
    }
  };
  try {
    await lock.lock(true);
    Deno.mkdirSync(root, { mode: 0o700 });
    for (const item of items) {
      const [top] = item.path.split("/", 1);
      if (!linked.includes(top!)) copy(source, root, item);
      else if (item.path === top) Deno.symlinkSync(`${source}/${top}`, `${root}/${top}`);
    }
    return { root, [Symbol.dispose]: dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

function copy(source: string, root: string, item: Item): void {
  const from = `${source}/${item.path}`;
  const to = `${root}/${item.path}`;
  switch (item.kind) {
    case "folder":
      return Deno.mkdirSync(to);
    case "link":
      return Deno.symlinkSync(item.target, to);
    case "file": {
      if (item.size >= LARGE_BYTES) return Deno.symlinkSync(from, to);
      const bytes = Deno.readFileSync(from);
      if (createHash("sha256").update(bytes).digest("hex") !== item.sha256) throw new ChangedError(from);
      const { mode, mtime } = Deno.lstatSync(from);
      using file = Deno.openSync(to, { write: true, createNew: true, mode: (mode! & 0o111) === 0 ? 0o644 : 0o755 });
      writeAll(file, bytes);
      file.utimeSync(mtime!, mtime!);
    }
  }
}

/** Removes the copies of runs that were killed. */
export async function sweepRuns(runs: string): Promise<void> {
  let names: string[];
  try {
    names = [...Deno.readDirSync(runs)].map(({ name }) => name).filter((name) => name.endsWith(".lock"));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  await Promise.all(names.map(async (name) => {
    const path = `${runs}/${name}`;
    try {
      using lock = Deno.openSync(path, { read: true, write: true });
      if (await tryLockExclusively(lock, TRY_MS) !== "locked") return;
      removeIfThere(path.slice(0, -".lock".length));
      removeIfThere(path);
    } catch (error) {
      // Another run has removed it already.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }));
}
