/**
 * Archives that were unpacked to be run, kept by their digest.
 *
 *     CACHE/archives/SHA256/       what the archive holds
 *     CACHE/archives/SHA256.lock   locked by who unpacks it (alone), and by who uses it (together with others)
 *
 * 1. A folder has its name only when all of the archive was checked and written.
 * 2. Its name is the digest of the bytes that were unpacked, and of those that a signature was checked of.
 * 3. Nothing is removed while somebody uses it. A lock ends with the process that holds it, however that ends.
 */

import { createHash } from "node:crypto";
import { reasonOf } from "./beside.ts";
import { ArchiveError } from "./errors.ts";
import type { ByteSource } from "./gzip/reader.ts";
import { MANIFEST_NAME } from "./manifest.ts";
import type { ScanOptions } from "./scan.ts";
import { openArchive } from "./source.ts";
import { unpack } from "./unpack.ts";

/** An archive that is unpacked, and stays so until this is disposed. */
export interface UnpackedArchive extends Disposable {
  /** The absolute path of what was the archive's root. */
  readonly root: string;
  /** Of the archive, in hexadecimal digits. */
  readonly sha256: string;
}

/** How an archive is unpacked. */
export interface ObtainOptions extends Omit<ScanOptions, "onProgress"> {
  /** The folder of all that can be made again; undefined if there is none. */
  readonly cacheDir: string | undefined;
}

const READ_BYTES = 1024 * 1024;
/** Of a lock that is not to be waited for, in ms. */
const TRY_MS = 50;

/**
 * Unpacks an archive, unless it is there already.
 *
 * @param path `-` is standard input
 * @throws {UsageError} if there is no such archive
 * @throws {ArchiveError} which says what is wrong with it
 */
export async function obtainArchive(path: string, options: ObtainOptions): Promise<UnpackedArchive> {
  const folder = options.cacheDir === undefined ? undefined : makeFolder(`${options.cacheDir}/archives`);
  if (folder === undefined) return await unpackForOneRun(path, options);
  if (path === "-") return await obtainStream(folder, options);
  const sha256 = await digest(path, options);
  const lock = await lockFor(folder, sha256);
  try {
    const root = `${folder}/${sha256}`;
    if (!isWhole(root)) {
      await lock.lock(true);
      // Somebody else may have unpacked it meanwhile.
      if (!isWhole(root)) await unpackAs(path, root, sha256, options);
      await lock.lock(false);
    }
    touch(root);
    return { root, sha256, [Symbol.dispose]: () => lock.close() };
  } catch (error) {
    lock.close();
    throw error;
  }
}

/** One that is kept. */
export interface CachedArchive {
  readonly sha256: string;
  readonly root: string;
  readonly lastUsed: Date;
}

/** Those that are kept, the one that was used last first. */
export function listArchives(cacheDir: string): CachedArchive[] {
  const folder = `${cacheDir}/archives`;
  const found: CachedArchive[] = [];
  for (const name of namesIn(folder)) {
    if (!/^[0-9a-f]{64}$/.test(name)) continue;
    const root = `${folder}/${name}`;
    found.push({ sha256: name, root, lastUsed: Deno.statSync(root).mtime ?? new Date(0) });
  }
  return found.sort((a, b) => b.lastUsed.getTime() - a.lastUsed.getTime());
}

/**
 * Removes one.
 *
 * @returns false if it is in use
 */
export async function removeArchive({ root }: CachedArchive): Promise<boolean> {
  const lock = Deno.openSync(`${root}.lock`, { write: true, create: true });
  try {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<boolean>((resolve) => timer = setTimeout(() => resolve(false), TRY_MS));
    const free = await Promise.race([lock.lock(true).then(() => true), late]);
    clearTimeout(timer);
    if (!free) return false;
    // Renamed first: it is there whole, or not at all.
    const doomed = `${root}.${crypto.randomUUID().slice(0, 8)}.tmp`;
    Deno.renameSync(root, doomed);
    Deno.removeSync(doomed, { recursive: true });
    return true;
  } finally {
    lock.close();
  }
}

async function obtainStream(folder: string, options: ObtainOptions): Promise<UnpackedArchive> {
  const temporary = `${folder}/.stream-${crypto.randomUUID().slice(0, 8)}.tmp`;
  using source = openArchive("-");
  const { sha256 } = await unpack(source.read, temporary, options);
  const lock = await lockFor(folder, sha256);
  const root = `${folder}/${sha256}`;
  await lock.lock(true);
  if (isWhole(root)) {
    Deno.removeSync(temporary, { recursive: true });
  } else {
    removeDamaged(root);
    Deno.renameSync(temporary, root);
  }
  await lock.lock(false);
  return { root, sha256, [Symbol.dispose]: () => lock.close() };
}

async function unpackForOneRun(path: string, options: ObtainOptions): Promise<UnpackedArchive> {
  const folder = Deno.makeTempDirSync({ prefix: "aimodellib-archive-" });
  const dispose = () => Deno.removeSync(folder, { recursive: true });
  try {
    using source = openArchive(path);
    const { sha256 } = await unpack(source.read, `${folder}/root`, options);
    return { root: `${folder}/root`, sha256, [Symbol.dispose]: dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

async function unpackAs(path: string, root: string, sha256: string, options: ObtainOptions): Promise<void> {
  removeDamaged(root);
  using source = openArchive(path);
  // The signature was checked of the bytes with this digest; these must be the same.
  const witness = {
    ...hasher(),
    verify() {
      return this.digest() === sha256
        ? Promise.resolve()
        : Promise.reject(new ArchiveError(`'${path}' changed while it was read: try again`));
    },
  };
  await unpack(source.read, root, { ...options, witness });
}

function hasher() {
  const hash = createHash("sha256");
  return { update: (bytes: Uint8Array) => void hash.update(bytes), digest: () => hash.digest("hex") };
}

/** Reads all of an archive, for its digest and its signature. */
async function digest(path: string, { witness, signal }: ObtainOptions): Promise<string> {
  using source = openArchive(path);
  const hash = hasher();
  await eachChunk(source.read, (bytes) => {
    signal?.throwIfAborted();
    hash.update(bytes);
    witness?.update(bytes);
  });
  await witness?.verify?.();
  return hash.digest();
}

async function eachChunk(read: ByteSource, take: (bytes: Uint8Array) => void): Promise<void> {
  const space = new Uint8Array(READ_BYTES);
  for (let count = await read(space); count !== null; count = await read(space)) take(space.subarray(0, count));
}

/** Opens a digest's lock, and locks it with others. */
async function lockFor(folder: string, sha256: string): Promise<Deno.FsFile> {
  const lock = Deno.openSync(`${folder}/${sha256}.lock`, { read: true, write: true, create: true });
  await lock.lock(false);
  return lock;
}

/** Somebody may have removed files from a cache by hand; the manifest tells. */
function isWhole(root: string): boolean {
  try {
    return Deno.statSync(`${root}/${MANIFEST_NAME}`).isFile;
  } catch {
    return false;
  }
}

function removeDamaged(root: string): void {
  try {
    Deno.removeSync(root, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Notes that it was used. */
function touch(root: string): void {
  const now = new Date();
  try {
    Deno.utimeSync(root, now, now);
  } catch {
    // It was unpacked by another user: whoever prunes goes by when that was.
  }
}

/** A folder that can be written to; undefined if it can't. */
function makeFolder(path: string): string | undefined {
  try {
    Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
    const probe = Deno.makeTempFileSync({ dir: path, prefix: ".probe-" });
    Deno.removeSync(probe);
    return Deno.realPathSync(path);
  } catch {
    // A read-only home is common in containers.
    return undefined;
  }
}

function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return [];
    throw new ArchiveError(`The cache '${folder}' can't be read: ${reasonOf(cause)}`, { cause });
  }
}
