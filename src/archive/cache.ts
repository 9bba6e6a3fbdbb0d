/**
 * Archives that were unpacked to be run, kept by the SHA-256 of their bytes (see `shelf.ts`).
 *
 * 1. A folder has its name only when all of the archive was checked and written.
 * 2. Its name is the digest of the bytes that were unpacked, and of those that a signature was checked of.
 */

import { createHash } from "node:crypto";
import { stat } from "../files.ts";
import { ArchiveError } from "./errors.ts";
import type { ByteSource } from "./gzip/reader.ts";
import { MANIFEST_NAME } from "./manifest.ts";
import type { ScanOptions } from "./scan.ts";
import { lockKept, openShelf, removeIfThere, touch } from "./shelf.ts";
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

/** The shelf of the cache. */
export const ARCHIVES = "archives";

const READ_BYTES = 1024 * 1024;

/**
 * Unpacks an archive, unless it is there already.
 *
 * @param path `-` is standard input
 * @throws {UsageError} if there is no such archive
 * @throws {ArchiveError} which says what is wrong with it
 */
export async function obtainArchive(path: string, options: ObtainOptions): Promise<UnpackedArchive> {
  const folder = options.cacheDir === undefined ? undefined : openShelf(`${options.cacheDir}/${ARCHIVES}`);
  if (folder === undefined) return await unpackForOneRun(path, options);
  if (path === "-") return await obtainStream(folder, options);
  const sha256 = await digest(path, options);
  const lock = await lockKept(`${folder}/${sha256}`);
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

async function obtainStream(folder: string, options: ObtainOptions): Promise<UnpackedArchive> {
  const temporary = `${folder}/.stream-${crypto.randomUUID().slice(0, 8)}.tmp`;
  using source = openArchive("-");
  const { sha256 } = await unpack(source.read, temporary, options);
  const lock = await lockKept(`${folder}/${sha256}`);
  const root = `${folder}/${sha256}`;
  await lock.lock(true);
  if (isWhole(root)) {
    Deno.removeSync(temporary, { recursive: true });
  } else {
    removeIfThere(root);
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
  removeIfThere(root);
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

/** Somebody may have removed files from a cache by hand; the manifest tells. */
function isWhole(root: string): boolean {
  return stat(`${root}/${MANIFEST_NAME}`)?.isFile ?? false;
}
