/**
 * Writes a Model Archive: the manifest, and then the module's files, in one pass and with memory that does not depend on their
 * size. The same files make the same bytes, whoever packs them, wherever and whenever.
 */

import type { Collection, FoundEntry } from "./collect.ts";
import { ArchiveError } from "./errors.ts";
import { reasonOf } from "./beside.ts";
import { GzipWriter, type GzipWriterOptions } from "./gzip/writer.ts";
import { joinPath, MANIFEST_NAME } from "./manifest.ts";
import { encodeHeader, type NewEntry, TAR_END } from "./tar/encode.ts";
import { paddingOf } from "./tar/entry.ts";

/** Below this, threads cost more than they help, in bytes. */
const MIN_THREADED_BYTES = 8 * 2 ** 20;
/** Each has memory of its own. */
const MAX_THREADS = 8;

/** What goes into an archive. */
export interface Contents {
  /** The manifest's text. */
  readonly manifest: string;
  readonly parts: readonly Part[];
}

/** Files that lie together. */
export interface Part {
  /** The folder of the archive that they go to; empty for its root. */
  readonly folder: string;
  readonly files: Collection;
}

/** How it is written. */
export interface PackOptions extends Pick<GzipWriterOptions, "level" | "write"> {
  /** Of all entries, in seconds since 1970. */
  readonly mtime: number;
  readonly signal?: AbortSignal;
  /** Is told how many bytes of files were read. */
  readonly onProgress?: (bytes: number) => void;
  /** @default as many as there are processors */
  readonly threads?: number;
}

/**
 * Writes an archive.
 *
 * @returns the number of its entries
 * @throws {ArchiveError} which names a file that can't be read, or changed while it was
 */
export async function pack({ manifest, parts }: Contents, options: PackOptions): Promise<number> {
  const { level, write, mtime } = options;
  const bytes = parts.reduce((sum, { files }) => sum + files.bytes, 0);
  using gzip = new GzipWriter({ level, write, threads: options.threads ?? threadsFor(bytes) });
  const writer = new TarWriter(gzip, options);
  const text = new TextEncoder().encode(manifest);
  await gzip.add(encodeHeader({ ...FILE, path: MANIFEST_NAME, size: text.length }, mtime));
  await gzip.add(text);
  await gzip.add(new Uint8Array(paddingOf(text.length)));
  let entries = 1;
  for (const { folder, files } of parts) {
    for (const parent of parentsOf(folder)) {
      await gzip.add(encodeHeader({ ...FOLDER, path: parent }, mtime));
      entries++;
    }
    for (const entry of files.entries) {
      // The root's manifest is the one that was given, or made.
      if (folder === "" && entry.path === MANIFEST_NAME) continue;
      await writer.add({ ...entry, path: joinPath(folder, entry.path) });
      entries++;
    }
  }
  await gzip.add(TAR_END);
  await gzip.close();
  return entries;
}

const FILE: NewEntry = { path: "", kind: "file", size: 0, executable: false, target: "" };
const FOLDER: NewEntry = { ...FILE, kind: "directory" };

function threadsFor(bytes: number): number {
  return bytes < MIN_THREADED_BYTES ? 0 : Math.min(MAX_THREADS, navigator.hardwareConcurrency);
}

/** A folder and those that it lies in, the outermost first. */
function parentsOf(path: string): string[] {
  const parts = joinPath(path).split("/").filter((part) => part !== "");
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}

class TarWriter {
  readonly #gzip: GzipWriter;
  readonly #options: PackOptions;
  #read = 0;

  constructor(gzip: GzipWriter, options: PackOptions) {
    this.#gzip = gzip;
    this.#options = options;
  }

  async add(entry: FoundEntry): Promise<void> {
    this.#options.signal?.throwIfAborted();
    if (entry.kind !== "file") {
      await this.#gzip.add(encodeHeader(entry, this.#options.mtime));
      return;
    }
    let file: Deno.FsFile;
    try {
      file = Deno.openSync(entry.source);
    } catch (cause) {
      throw new ArchiveError(`'${entry.path}' can't be read: ${reasonOf(cause)}`, { cause });
    }
    using _ = { [Symbol.dispose]: () => file.close() };
    const { size, mtime, ino } = file.statSync();
    if (size !== entry.size) throw changed(entry);
    await this.#gzip.add(encodeHeader(entry, this.#options.mtime));
    await this.#copy(file, entry);
    const after = file.statSync();
    if (after.size !== size || after.mtime?.getTime() !== mtime?.getTime() || after.ino !== ino) throw changed(entry);
    await this.#gzip.add(new Uint8Array(paddingOf(size)));
  }

  async #copy(file: Deno.FsFile, entry: FoundEntry): Promise<void> {
    const { signal, onProgress } = this.#options;
    for (let missing = entry.size; missing > 0;) {
      signal?.throwIfAborted();
      const { space } = this.#gzip;
      let count: number | null;
      try {
        count = file.readSync(space.length > missing ? space.subarray(0, missing) : space);
      } catch (cause) {
        throw new ArchiveError(`'${entry.path}' can't be read: ${reasonOf(cause)}`, { cause });
      }
      if (count === null) throw changed(entry);
      missing -= count;
      this.#read += count;
      const full = this.#gzip.advance(count);
      if (full !== undefined) {
        onProgress?.(this.#read);
        await full;
      }
    }
  }
}

function changed({ path }: FoundEntry): ArchiveError {
  return new ArchiveError(`'${path}' changed while it was read: pack again when nothing writes to it`);
}
