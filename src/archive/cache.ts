/**
 * The cache of unpacked archives for `train` and `serve`, by the SHA-256 of the archives' bytes (see `../cache/shelf.ts`).
 *
 *     GENERATION/root/            the unpacked content
 *     GENERATION/content.json     a record of that content, see `content.ts`; written last
 *
 * 1. A generation becomes current only after the whole archive has been checked and written.
 * 2. The digest is computed from the bytes that are unpacked, and a signature is checked against the same bytes.
 * 3. Each run gets a copy (see `run_copy.ts`). A generation whose content has changed is replaced.
 */

import { createHash } from "node:crypto";
import { isFull } from "../cache/full.ts";
import { distrustOf } from "../cache/private.ts";
import { isNoSpace, keep, type KeepOptions, openShelf, removeIfThere } from "../cache/shelf.ts";
import { makeTemporaryFolder } from "../cache/temporary.ts";
import { printable } from "../printable.ts";
import { changeOf, contentOf, holds, type Item, LARGE_BYTES } from "./content.ts";
import { ArchiveError, labelOf, naming } from "./errors.ts";
import type { ByteSource } from "./gzip/reader.ts";
import { MANIFEST_NAME, readManifest, WHEELS_FOLDER } from "./manifest.ts";
import { ChangedError, copyForRun, RUNS, sweepRuns } from "./run_copy.ts";
import type { ScanOptions } from "./scan.ts";
import { isStream, openArchive } from "./source.ts";

/** A run's own copy of an unpacked archive, removed when this is disposed. */
export interface UnpackedArchive extends Disposable {
  /** The absolute path of the copy. */
  readonly root: string;
  /** The SHA-256 of the archive's bytes, in hexadecimal digits. */
  readonly sha256: string;
}

/** How an archive is unpacked for a run. */
export interface ObtainOptions extends Omit<ScanOptions, "onProgress"> {
  /** The cache directory; undefined to unpack into a temporary folder. */
  readonly cacheDir: string | undefined;
  readonly env: (name: string) => string | undefined;
  /** Gets lines of text, each with its line feed, that say what the run waits for or why it does not use the cache. */
  readonly say: (text: string) => void;
}

/** The folder of the cache directory for unpacked archives. */
export const ARCHIVES = "archives";

const READ_BYTES = 1024 * 1024;
const CONTENT = "content.json";
/** How far the file system's clock may lag behind, in ms. */
const CLOCK_TICK_MS = 10;

/**
 * Unpacks an archive for a run, or takes it from the cache.
 *
 * @param path `-` is standard input; a pipe is read once as well
 * @throws {UsageError} if there is no such archive
 * @throws {ArchiveError} if the archive is not valid, or can't be unpacked
 */
export function obtainArchive(path: string, options: ObtainOptions): Promise<UnpackedArchive> {
  return naming(labelOf(path), () => obtainUnnamed(path, options));
}

async function obtainUnnamed(path: string, options: ObtainOptions): Promise<UnpackedArchive> {
  const { cacheDir, say } = options;
  const shelf = cacheDir === undefined ? undefined : openShelf(`${cacheDir}/${ARCHIVES}`, say);
  const runs = shelf === undefined ? undefined : openShelf(`${cacheDir}/${RUNS}`, say);
  if (shelf === undefined || runs === undefined) return await unpackForOneRun(path, options);
  sweepRuns(runs).catch(() => {});
  try {
    if (isStream(path)) return await obtainStream(path, { shelf, runs }, options);
    const sha256 = await digest(path, options);
    return await obtain({ shelf, runs }, sha256, path, (root) => unpackAs(path, root, sha256, options), options);
  } catch (error) {
    if (!isNoSpace(error) && !isNoSpace(error instanceof Error ? error.cause : undefined) && !isFull(shelf)) {
      throw error;
    }
    if (isStream(path)) {
      throw new ArchiveError(
        `can't be unpacked: the cache '${shelf}' is full. ` +
          "Run 'aimodellib cache prune', or set AIMODELLIB_CACHE_DIR to a disk with room",
        { cause: error },
      );
    }
    say(`The cache '${printable(shelf)}' is full; this run uses a temporary folder\n`);
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
    what: `unpacks ${labelOf(path)}`,
    isWhole: (generation) => contentIfWhole(generation) !== undefined,
    async make(generation) {
      Deno.mkdirSync(generation, { mode: 0o700 });
      await write(`${generation}/root`);
      await note(generation);
      return "keep";
    },
  };
  for (let anew = false;; anew = true) {
    const { root: generation, [Symbol.dispose]: release } = await keep(shelf, sha256, { ...options, anew });
    try {
      const root = `${generation}/root`;
      const { manifest } = readManifest(Deno.readFileSync(`${root}/${MANIFEST_NAME}`));
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

/** Records the unpacked content. Runs share large files instead of copying them, so these become read-only first. */
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
  // Deno reports the time of change in whole seconds. Wait for the next one, so that any later change is visible.
  if (newest !== undefined) await delay(newest + 1000 + CLOCK_TICK_MS - Date.now());
  Deno.writeTextFileSync(`${generation}/${CONTENT}`, JSON.stringify(noted), { mode: 0o600 });
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}

/** The recorded content of a generation; undefined if its files have changed since they were unpacked. */
function contentIfWhole(generation: string): Item[] | undefined {
  try {
    const path = `${generation}/${CONTENT}`;
    if (distrustOf(path) !== undefined) return undefined;
    const items = JSON.parse(Deno.readTextFileSync(path));
    return holds(`${generation}/root`, items) ? items : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function obtainStream(path: string, folders: Folders, options: ObtainOptions): Promise<UnpackedArchive> {
  const temporary = `${folders.shelf}/.stream-${crypto.randomUUID().slice(0, 8)}.tmp`;
  using source = openArchive(path, options.signal);
  const { unpack } = await import("./unpack.ts");
  const { sha256 } = await unpack(source.read, temporary, options);
  try {
    return await obtain(folders, sha256, path, (root) => Promise.resolve(Deno.renameSync(temporary, root)), options);
  } finally {
    removeIfThere(temporary);
  }
}

async function unpackForOneRun(path: string, options: ObtainOptions): Promise<UnpackedArchive> {
  const folder = makeTemporaryFolder("archive", options.env);
  const dispose = () => Deno.removeSync(folder, { recursive: true });
  try {
    using source = openArchive(path, options.signal);
    const root = `${folder}/root`;
    const { unpack } = await import("./unpack.ts");
    const { sha256 } = await unpack(source.read, root, options);
    return { root, sha256, [Symbol.dispose]: dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

async function unpackAs(path: string, root: string, sha256: string, options: ObtainOptions): Promise<void> {
  using source = openArchive(path);
  // The signature was checked against the bytes with this digest. The bytes that are unpacked must be the same.
  const witness = {
    ...hasher(),
    verify() {
      return this.digest() === sha256
        ? Promise.resolve()
        : Promise.reject(new ArchiveError("changed while it was read; try again"));
    },
  };
  const { unpack } = await import("./unpack.ts");
  await unpack(source.read, root, { ...options, witness });
}

function hasher() {
  const hash = createHash("sha256");
  return { update: (bytes: Uint8Array) => void hash.update(bytes), digest: () => hash.digest("hex") };
}

/** Reads a whole archive for its digest, and has the witness check it. */
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
