/**
 * A folder of the cache that keeps other folders, each named by the digest of its source.
 *
 *     SHELF/DIGEST-GENERATION/       the content
 *     SHELF/DIGEST-GENERATION.lock   locked shared by users, exclusively by whoever removes it
 *     SHELF/DIGEST.current           names the generation that the next user takes
 *     SHELF/DIGEST.making.lock       locked exclusively by whoever makes a generation
 *
 * 1. A generation never changes once it is current. To replace the content, a new generation is made; users of the previous one
 *    keep it.
 * 2. Making and using have separate locks: a process that waits to make a generation does not wait for users.
 * 3. Nothing is removed while it is in use. The kernel releases a lock when the process that holds it ends.
 */

import { reasonOf } from "../errors.ts";
import { printable } from "../printable.ts";
import { canLock, lockExclusively, lockShared, type LockWait, tryLockExclusively } from "./lock.ts";
import { distrustOf, distrustOfFolder } from "./private.ts";

/** A folder that a shelf keeps. */
export interface Kept {
  /** The digest of its source, in hexadecimal. */
  readonly digest: string;
  /** Its absolute path. */
  readonly root: string;
  readonly lastUsed: Date;
}

/** A kept folder that stays until this is disposed. */
export interface InUse extends Disposable {
  /** Its absolute path. */
  readonly root: string;
}

/** How the content is made and checked. */
export interface KeepOptions extends LockWait {
  /** Whether a generation is complete and unchanged. */
  readonly isWhole: (root: string) => boolean;
  /**
   * Creates and fills the folder. After a failure, the remains are removed.
   *
   * @returns whether the folder becomes the current generation, or is for this use alone
   */
  readonly make: (root: string) => Promise<"keep" | "use once">;
  /** Make a new generation, even if a complete one exists. */
  readonly anew?: boolean;
}

/** How long to try to get a lock that is probably in use, in ms. */
const TRY_MS = 250;
/** Age at which an unfinished folder counts as abandoned, in ms. */
const STALE_MS = 24 * 3600 * 1000;
const GENERATION = /^([0-9a-f]{32,})-[0-9a-f]{8}$/;

/**
 * Opens a shelf, and creates its folder if necessary.
 *
 * @param say gets a line with the reason, except for a folder that is not writable: a read-only home is common in containers
 * @returns its absolute path; undefined if it can't be used
 */
export function openShelf(path: string, say: (text: string) => void): string | undefined {
  let shelf: string;
  try {
    Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
    if (!probe(path)) {
      say(
        `The cache '${printable(path)}' is on a file system without file locks; this run uses a temporary folder. ` +
          "Set AIMODELLIB_CACHE_DIR to a folder on another one\n",
      );
      return undefined;
    }
    shelf = Deno.realPathSync(path);
  } catch (error) {
    if (isNoSpace(error)) say(`The cache '${printable(path)}' is full; this run uses a temporary folder\n`);
    return undefined;
  }
  const distrust = distrustOfFolder(shelf);
  if (distrust === undefined) return shelf;
  say(
    `The cache '${printable(path)}' is not used, since ${
      printable(distrust)
    }: a temporary folder is used for this run. ` +
      "Set AIMODELLIB_CACHE_DIR to a folder that only you can write to\n",
  );
  return undefined;
}

/** Writes a file and locks it. @returns whether it can be locked; @throws if it can't be written */
function probe(folder: string): boolean {
  const path = Deno.makeTempFileSync({ dir: folder, prefix: ".probe-" });
  try {
    using file = Deno.openSync(path, { write: true });
    return canLock(file);
  } finally {
    Deno.removeSync(path);
  }
}

/** Whether a disk, or a user's share of it, is full. */
export function isNoSpace(error: unknown): boolean {
  return error instanceof Error && /os error (28|122)\b/.test(error.message);
}

/**
 * Takes the current generation, or makes one. If several processes need the same, one makes it and the others wait.
 *
 * @throws {Error} the reason of `options.signal`, or what `make` throws
 */
export async function keep(shelf: string, digest: string, options: KeepOptions): Promise<InUse> {
  const { isWhole, make, anew = false } = options;
  const base = `${shelf}/${digest}`;
  if (!anew) {
    const found = await useCurrent(base, options);
    if (found !== undefined) return found;
  }
  using _ = await lockExclusively(`${base}.making.lock`, options);
  if (!anew) {
    const found = await useCurrent(base, options);
    if (found !== undefined) return found;
  }
  const root = `${base}-${crypto.randomUUID().slice(0, 8)}`;
  const lock = await lockShared(`${root}.lock`, options);
  try {
    const purpose = await make(root);
    if (!isWhole(root)) throw new Error(`'${root}' was changed while it was made`);
    if (purpose === "use once") return inUse(root, lock, [root, `${root}.lock`]);
    writeCurrent(base, root);
  } catch (error) {
    try {
      removeIfThere(root);
      removeIfThere(`${root}.lock`);
    } finally {
      lock.close();
    }
    throw error;
  }
  await removeOthers(shelf, digest, root);
  return inUse(root, lock);
}

/** Removes the other generations that are not in use, and the remains of processes that were killed. */
async function removeOthers(shelf: string, digest: string, current: string): Promise<void> {
  const others = listKept(shelf).filter((kept) => kept.digest === digest && kept.root !== current);
  await Promise.all(others.map(removeKept));
}

async function useCurrent(base: string, options: KeepOptions): Promise<InUse | undefined> {
  const root = currentOf(base);
  if (root === undefined) return undefined;
  const lock = await lockShared(`${root}.lock`, options);
  try {
    // Never follow a link: this program makes none, and its target may belong to another user.
    if (Deno.lstatSync(root).isDirectory && distrustOf(root) === undefined && options.isWhole(root)) {
      touch(root);
      return inUse(root, lock);
    }
  } catch (error) {
    // Another process has removed it.
    if (!(error instanceof Deno.errors.NotFound)) {
      lock.close();
      throw error;
    }
  }
  lock.close();
  return undefined;
}

/** @param remove what to remove after use */
function inUse(root: string, lock: Deno.FsFile, remove: readonly string[] = []): InUse {
  const dispose = () => {
    try {
      remove.forEach(removeIfThere);
    } finally {
      lock.close();
    }
  };
  return { root, [Symbol.dispose]: dispose };
}

/** The path of the current generation. */
function currentOf(base: string): string | undefined {
  const path = `${base}.current`;
  try {
    if (distrustOf(path) !== undefined) return undefined;
    const generation = Deno.readTextFileSync(path).trim();
    return /^[0-9a-f]{8}$/.test(generation) ? `${base}-${generation}` : undefined;
  } catch {
    return undefined;
  }
}

function writeCurrent(base: string, root: string): void {
  const temporary = `${root}.current.tmp`;
  Deno.writeTextFileSync(temporary, `${root.slice(base.length + 1)}\n`, { mode: 0o600 });
  Deno.renameSync(temporary, `${base}.current`);
}

/** Updates the folder's time of last use; folders unused for long may be removed. */
function touch(root: string): void {
  const now = new Date();
  try {
    Deno.utimeSync(root, now, now);
  } catch {
    // Root made the folder for other users, who can't change its time.
  }
}

/** Removes a file or a folder, if it exists. */
export function removeIfThere(root: string): void {
  try {
    Deno.removeSync(root, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** The kept folders, the most recently used first. */
export function listKept(shelf: string): Kept[] {
  const kept: Kept[] = [];
  for (const { name, isDirectory } of entriesOf(shelf)) {
    const digest = GENERATION.exec(name)?.[1];
    if (!isDirectory || digest === undefined) continue;
    const root = `${shelf}/${name}`;
    kept.push({ digest, root, lastUsed: Deno.statSync(root).mtime ?? new Date(0) });
  }
  return kept.sort((a, b) => b.lastUsed.getTime() - a.lastUsed.getTime());
}

/**
 * Removes a kept folder.
 *
 * @returns false if it is in use
 */
export async function removeKept({ root }: Pick<Kept, "root">): Promise<boolean> {
  using file = Deno.openSync(`${root}.lock`, { write: true, create: true, mode: 0o600 });
  if (await tryLockExclusively(file, TRY_MS) !== "locked") return false;
  try {
    // Rename first: other processes see the whole folder or none.
    const doomed = `${root}.${crypto.randomUUID().slice(0, 8)}.tmp`;
    Deno.renameSync(root, doomed);
    Deno.removeSync(doomed, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  removeIfThere(`${root}.lock`);
  return true;
}

/** Removes unfinished folders of processes that were killed. */
export function sweep(shelf: string): void {
  for (const { name } of entriesOf(shelf)) {
    if (!name.endsWith(".tmp")) continue;
    const path = `${shelf}/${name}`;
    try {
      const { mtime } = Deno.lstatSync(path);
      if (Date.now() - (mtime?.getTime() ?? 0) > STALE_MS) Deno.removeSync(path, { recursive: true });
    } catch (error) {
      // Another process may sweep at the same time.
      if (!(error instanceof Deno.errors.NotFound)) throw new Error(`'${path}' can't be removed: ${reasonOf(error)}`);
    }
  }
}

function entriesOf(shelf: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(shelf)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
