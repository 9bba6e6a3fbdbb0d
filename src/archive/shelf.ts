/**
 * A folder of the cache, in which other folders are kept by the digest of what they were made from.
 *
 *     SHELF/DIGEST/       what is kept
 *     SHELF/DIGEST.lock   locked by who makes it (alone), and by who uses it (together with others)
 *
 * Nothing is removed while somebody uses it. A lock ends with the process that holds it, however that ends.
 */

/** One that is kept. */
export interface Kept {
  readonly digest: string;
  /** Its absolute path. */
  readonly root: string;
  readonly lastUsed: Date;
}

/** Of a lock that is not to be waited for, in ms. */
const TRY_MS = 50;
/** What was begun so long ago is not being made any more, in ms. */
const STALE_MS = 24 * 3600 * 1000;

/** The absolute path of a shelf, which is made; undefined if it can't be written to: a read-only home is common in containers. */
export function openShelf(path: string): string | undefined {
  try {
    Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
    Deno.removeSync(Deno.makeTempFileSync({ dir: path, prefix: ".probe-" }));
    return Deno.realPathSync(path);
  } catch {
    return undefined;
  }
}

/** Locks what is kept, or is to be made, together with others. `lock(true)` of the file waits to be alone. */
export async function lockKept(root: string): Promise<Deno.FsFile> {
  const file = Deno.openSync(`${root}.lock`, { read: true, write: true, create: true });
  try {
    await file.lock(false);
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Notes that it is used. */
export function touch(root: string): void {
  const now = new Date();
  try {
    Deno.utimeSync(root, now, now);
  } catch {
    // It was made by another user: who removes what is old goes by when that was.
  }
}

/** Removes a folder, if it is there. */
export function removeIfThere(root: string): void {
  try {
    Deno.removeSync(root, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** What is kept, that which was used last first. */
export function listKept(shelf: string): Kept[] {
  const kept: Kept[] = [];
  for (const { name, isDirectory } of entriesOf(shelf)) {
    if (!isDirectory || !/^[0-9a-f]{32,}$/.test(name)) continue;
    const root = `${shelf}/${name}`;
    kept.push({ digest: name, root, lastUsed: Deno.statSync(root).mtime ?? new Date(0) });
  }
  return kept.sort((a, b) => b.lastUsed.getTime() - a.lastUsed.getTime());
}

/**
 * Removes one.
 *
 * @returns false if it is in use
 */
export async function removeKept({ root }: Kept): Promise<boolean> {
  const file = Deno.openSync(`${root}.lock`, { write: true, create: true });
  try {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<boolean>((resolve) => timer = setTimeout(() => resolve(false), TRY_MS));
    const free = await Promise.race([file.lock(true).then(() => true, () => false), late]);
    clearTimeout(timer);
    if (!free) return false;
    // Renamed first: it is there whole, or not at all.
    const doomed = `${root}.${crypto.randomUUID().slice(0, 8)}.tmp`;
    Deno.renameSync(root, doomed);
    Deno.removeSync(doomed, { recursive: true });
    return true;
  } finally {
    file.close();
  }
}

/** Removes what was begun, and never finished, by somebody who was killed. */
export function sweep(shelf: string): void {
  for (const { name } of entriesOf(shelf)) {
    if (!name.endsWith(".tmp")) continue;
    const path = `${shelf}/${name}`;
    const { mtime } = Deno.lstatSync(path);
    if (Date.now() - (mtime?.getTime() ?? 0) > STALE_MS) Deno.removeSync(path, { recursive: true });
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
