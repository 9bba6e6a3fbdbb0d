/**
 * Archives that were unpacked to be run, kept by the SHA-256 of their bytes (see `../cache/shelf.ts`).
 *
 *     GENERATION/root/            what was unpacked
 *     GENERATION/content.json     what that holds, see `content.ts`; it is written last
 *
 * 1. A generation is current only when all of the archive was checked and written.
 * 2. Its digest is that of the bytes that were unpacked, and of those that a signature was checked of.
 * 3. A run gets a copy (see `run_copy.ts`). A generation that is not what was unpacked any more is made again.
 */

import { createHash } from "node:crypto";
import { isFull } from "../cache/full.ts";
import { isNoSpace, keep, type KeepOptions, openShelf, removeIfThere } from "../cache/shelf.ts";
import { printable } from "../printable.ts";
import { changeOf, contentOf, holds, type Item, LARGE_BYTES } from "./content.ts";
import { ArchiveError } from "./errors.ts";
import type { ByteSource } from "./gzip/reader.ts";
import { MANIFEST_NAME, parseManifest, WHEELS_FOLDER } from "./manifest.ts";
import { ChangedError, copyForRun, RUNS, sweepRuns } from "./run_copy.ts";
import type { ScanOptions } from "./scan.ts";
import { openArchive } from "./source.ts";
import { unpack } from "./unpack.ts";

/** An archive that is unpacked, and stays so until this is disposed. */
export interface UnpackedArchive extends Disposable {
  /** The absolute path of a copy of the archive's root that is for this run alone. */
  readonly root: string;
  /** Of the archive, in hexadecimal digits. */
  readonly sha256: string;
}

/** How an archive is unpacked. */
export interface ObtainOptions extends Omit<ScanOptions, "onProgress"> {
  /** The folder of all that can be made again; undefined if there is none. */
  readonly cacheDir: string | undefined;
  /** Takes a line of text, with its end, that says what is waited for, or why the cache is not used. */
  readonly say: (text: string) => void;
}

/** The shelf of the cache. */
export const ARCHIVES = "archives";

const READ_BYTES = 1024 * 1024;
const CONTENT = "content.json";
/** By how much the clock of the file system may be behind, in ms. */
const CLOCK_TICK_MS = 10;

/**
 * Unpacks an archive, unless it is there already.
 *
 * @param path `-` is standard input
 * @throws {UsageError} if there is no such archive
 * @throws {ArchiveError} which says what is wrong with it
 */
export async function obtainArchive(path: string, options: ObtainOptions): Promise<UnpackedArchive> {
  const { cacheDir, say } = options;
  const shelf = cacheDir === undefined ? undefined : openShelf(`${cacheDir}/${ARCHIVES}`, say);
  const runs = shelf === undefined ? undefined : openShelf(`${cacheDir}/${RUNS}`, say);
  if (shelf === undefined || runs === undefined) return await unpackForOneRun(path, options);
  sweepRuns(runs).catch(() => {});
  try {
    if (path === "-") return await obtainStream({ shelf, runs }, options);
    const sha256 = await digest(path, options);
    return await obtain({ shelf, runs }, sha256, path, (root) => unpackAs(path, root, sha256, options), options);
  } catch (error) {
    if (!isNoSpace(error) && !isNoSpace(error instanceof Error ? error.cause : undefined) && !isFull(shelf)) {
      throw error;
    }
    if (path === "-") {
      throw new ArchiveError(
        `The archive from standard input can't be unpacked: the cache '${shelf}' is full. ` +
          "Run 'aimodellib cache prune', or set AIMODELLIB_CACHE_DIR to a disk with room",
        { cause: error },
      );
    }
    say(`The cache '${printable(shelf)}' is full: a temporary folder is used for this run\n`);
    return await unpackForOneRun(path, options);
  }
}

interface Folders {
  readonly shelf: string;
  readonly runs: string;
}

async function obtain(
  { shelf, runs }: Folders,
  sha256: string,
  path: string,
  write: (root: string) => Promise<void>,
  { signal, say }: ObtainOptions,
): Promise<UnpackedArchive> {
  const options: KeepOptions = {
    signal,
    say,
    what: `unpacks '${path}'`,
    isWhole: (generation) => contentIfWhole(generation) !== undefined,
    async make(generation) {
      Deno.mkdirSync(generation, { mode: 0o700 });
      await write(`${generation}/root`);
      await note(generation);
    },
  };
  for (let anew = false;; anew = true) {
    const { root: generation, [Symbol.dispose]: release } = await keep(shelf, sha256, { ...options, anew });
    try {
      const root = `${generation}/root`;
      const { manifest } = parseManifest(Deno.readFileSync(`${root}/${MANIFEST_NAME}`));
      const linked = manifest.module.split("/")[0] === WHEELS_FOLDER ? [] : [WHEELS_FOLDER];
      const copy = await copyForRun(root, contentIfWhole(generation)!, runs, linked);
      const dispose = () => {
        copy[Symbol.dispose]();
        release();
      };
      return { root: copy.root, sha256, [Symbol.dispose]: dispose };
    } catch (error) {
      release();
      if (!(error instanceof ChangedError) || anew) throw error;
    }
  }
}

/** Notes what was unpacked. Large files, which are not copied for each run, become read-only before. */
async function note(generation: string): Promise<void> {
  const root = `${generation}/root`;
  const items = contentOf(root);
  let newest: number | undefined;
  const noted = items.map((item): Item => {
    if (item.kind !== "file" || item.size < LARGE_BYTES) return item;
    const path = `${root}/${item.path}`;
    Deno.chmodSync(path, Deno.lstatSync(path).mode! & 0o555);
    const info = Deno.lstatSync(path);
    newest = Math.max(newest ?? 0, info.ctime?.getTime() ?? 0);
    return { ...item, changed: changeOf(info) };
  });
  // Deno has the time of change in whole seconds: a file that is changed in the same one would have the same.
  if (newest !== undefined) await delay(newest + 1000 + CLOCK_TICK_MS - Date.now());
  Deno.writeTextFileSync(`${generation}/${CONTENT}`, JSON.stringify(noted), { mode: 0o600 });
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}

/** What a generation holds; undefined if that is not what was unpacked. */
function contentIfWhole(generation: string): Item[] | undefined {
  try {
    const items = JSON.parse(Deno.readTextFileSync(`${generation}/${CONTENT}`));
    return holds(`${generation}/root`, items) ? items : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function obtainStream(folders: Folders, options: ObtainOptions): Promise<UnpackedArchive> {
  const temporary = `${folders.shelf}/.stream-${crypto.randomUUID().slice(0, 8)}.tmp`;
  using source = openArchive("-");
  const { sha256 } = await unpack(source.read, temporary, options);
  try {
    return await obtain(folders, sha256, "-", (root) => Promise.resolve(Deno.renameSync(temporary, root)), options);
  } finally {
    removeIfThere(temporary);
  }
}

async function unpackForOneRun(path: string, options: ObtainOptions): Promise<UnpackedArchive> {
  const folder = Deno.makeTempDirSync({ prefix: "aimodellib-archive-" });
  const dispose = () => Deno.removeSync(folder, { recursive: true });
  try {
    using source = openArchive(path);
    const root = `${folder}/root`;
    const { sha256 } = await unpack(source.read, root, options);
    return { root, sha256, [Symbol.dispose]: dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

async function unpackAs(path: string, root: string, sha256: string, options: ObtainOptions): Promise<void> {
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
