/**
 * Writes a Model Archive: first the manifest, then the module's files, in one pass and with constant memory. The same files
 * make the same bytes for every user, machine and time.
 */

import type { Collection, FoundEntry } from "./collect.ts";
import { ArchiveError } from "./errors.ts";
import { reasonOf } from "../errors.ts";
import { GzipWriter, type GzipWriterOptions } from "./gzip/writer.ts";
import { joinPath, MANIFEST_NAME } from "./manifest.ts";
import { DEFAULT_LIMITS, Rules } from "./rules.ts";
import { encodeHeader, type NewEntry, TAR_END } from "./tar/encode.ts";
import { paddingOf, TAR_BLOCK } from "./tar/entry.ts";

/** With fewer bytes of tar than this, starting threads takes longer than they save. */
const MIN_THREADED_BYTES = 8 * 2 ** 20;
/** The most threads that compress; each has buffers of its own. */
const MAX_THREADS = 8;

/** What goes into an archive. */
export interface Contents {
  /** The text of `manifest.json`. */
  readonly manifest: string;
  readonly parts: readonly Part[];
}

/** Files that go to one folder of the archive. */
export interface Part {
  /** The folder, relative to the archive's root; empty for the root. */
  readonly folder: string;
  readonly files: Collection;
}

/** How an archive is written. */
export interface PackOptions extends Pick<GzipWriterOptions, "level" | "write"> {
  /** The time of all entries, in seconds since 1970. */
  readonly mtime: number;
  readonly signal?: AbortSignal;
  /** Is called with the number of bytes of files that were read so far. */
  readonly onProgress?: (bytes: number) => void;
  /** @default one for each processor, at most 8 */
  readonly threads?: number;
}

/**
 * Checks, before anything is written, that readers will accept the archive and every system can unpack it.
 *
 * @throws {ArchiveError} if not; the reason names the entry
 */
export function checkContents(contents: Pick<Contents, "parts">): void {
  try {
    checkEntries(contents);
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    throw new ArchiveError(`can't be packed: it ${error.reason}`, { cause: error });
  }
}

function checkEntries({ parts }: Pick<Contents, "parts">): void {
  const rules = new Rules();
  rules.checkNew({ ...FILE, path: MANIFEST_NAME });
  for (const { folder, files } of parts) {
    for (const parent of parentsOf(folder)) rules.checkNew({ ...FOLDER, path: parent });
    const prefix = prefixOf(folder);
    for (const entry of files.entries) {
      if (folder === "" && entry.path === MANIFEST_NAME) continue;
      rules.checkNew({ ...entry, path: prefix + entry.path });
    }
  }
  rules.finish();
}

/** What precedes the paths of a folder's entries in the archive. */
function prefixOf(folder: string): string {
  return folder === "" ? "" : `${joinPath(folder)}/`;
}

/** Checks that readers will not take an archive for a decompression bomb. @throws {ArchiveError} if they will */
export function checkGrowth(bytes: number, packedBytes: number): void {
  try {
    new Rules().checkRatio(bytes, packedBytes);
  } catch (cause) {
    const ratio = Math.round(bytes / packedBytes);
    throw new ArchiveError(
      `can't be packed: its files would be ${ratio} times larger than the archive, and readers refuse more than ` +
        `${DEFAULT_LIMITS.maxRatio} times; pack with --level 0`,
      { cause },
    );
  }
}

/**
 * Writes a Model Archive: the manifest first, then the entries of all parts.
 *
 * @returns the number of entries
 * @throws {ArchiveError} if a file can't be read, or changes meanwhile; the reason names it
 */
export async function pack({ manifest, parts }: Contents, options: PackOptions): Promise<number> {
  const { level, write, mtime } = options;
  const bytes = parts.reduce((sum, { files }) => sum + files.bytes + files.entries.length * 2 * TAR_BLOCK, 0);
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
    const prefix = prefixOf(folder);
    for (const entry of files.entries) {
      // A manifest.json in the module is replaced by the archive's manifest.
      if (folder === "" && entry.path === MANIFEST_NAME) continue;
      const full = writer.add({ ...entry, path: prefix + entry.path });
      if (full !== undefined) await full;
      entries++;
    }
  }
  await gzip.add(TAR_END);
  await gzip.close();
  return entries;
}

const FILE: NewEntry = { path: "", kind: "file", size: 0, executable: false, target: "" };
const PADDING = new Uint8Array(TAR_BLOCK);
const FOLDER: NewEntry = { ...FILE, kind: "directory" };

function threadsFor(bytes: number): number {
  return bytes < MIN_THREADED_BYTES ? 0 : Math.min(MAX_THREADS, navigator.hardwareConcurrency);
}

/** The paths of a folder and its parents, the outermost first. */
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

  /**
   * Adds an entry. If it returns a promise, wait for it. For most small files there is none: thousands of promises would take longer
   * than thousands of files.
   */
  add(entry: FoundEntry): Promise<void> | undefined {
    this.#options.signal?.throwIfAborted();
    const header = encodeHeader(entry, this.#options.mtime);
    return entry.kind === "file" ? this.#addFile(entry, header) : this.#gzip.add(header);
  }

  #addFile(entry: FoundEntry, header: Uint8Array): Promise<void> | undefined {
    let file: Deno.FsFile;
    try {
      file = Deno.openSync(entry.source);
    } catch (cause) {
      throw new ArchiveError(`can't be packed: '${entry.path}' can't be read: ${reasonOf(cause)}`, { cause });
    }
    let closes = false;
    try {
      const room = this.#gzip.space.length - header.length;
      if (entry.size + paddingOf(entry.size) < room) {
        this.#gzip.add(header);
        this.#readSmall(file, entry);
        return undefined;
      }
      closes = true;
      return this.#copy(file, entry, header).finally(() => file.close());
    } finally {
      if (!closes) file.close();
    }
  }

  /** Reads a file that fits into the compressor's free space. */
  #readSmall(file: Deno.FsFile, entry: FoundEntry): void {
    for (let missing = entry.size; missing > 0;) {
      const count = read(file, this.#gzip.space.subarray(0, missing), entry);
      missing -= count;
      this.#gzip.advance(count);
    }
    this.#read += entry.size;
    checkUnchanged(entry);
    this.#gzip.add(PADDING.subarray(0, paddingOf(entry.size)));
  }

  async #copy(file: Deno.FsFile, entry: FoundEntry, header: Uint8Array): Promise<void> {
    const { signal, onProgress } = this.#options;
    await this.#gzip.add(header);
    for (let missing = entry.size; missing > 0;) {
      signal?.throwIfAborted();
      const { space } = this.#gzip;
      const count = read(file, space.length > missing ? space.subarray(0, missing) : space, entry);
      missing -= count;
      this.#read += count;
      const full = this.#gzip.advance(count);
      if (full !== undefined) {
        onProgress?.(this.#read);
        await full;
      }
    }
    checkUnchanged(entry);
    await this.#gzip.add(PADDING.subarray(0, paddingOf(entry.size)));
  }
}

function read(file: Deno.FsFile, space: Uint8Array, entry: FoundEntry): number {
  let count: number | null;
  try {
    count = file.readSync(space);
  } catch (cause) {
    throw new ArchiveError(`can't be packed: '${entry.path}' can't be read: ${reasonOf(cause)}`, { cause });
  }
  if (count === null) throw changed(entry);
  return count;
}

/** Compares a file with what was found earlier. By path, because Deno's `fstat` resolves the open file's path once more. */
function checkUnchanged(entry: FoundEntry): void {
  let now: Deno.FileInfo;
  try {
    now = Deno.statSync(entry.source);
  } catch (cause) {
    throw changed(entry, { cause });
  }
  const { size, mtime, ino } = now;
  if (size !== entry.size || mtime?.getTime() !== entry.mtimeMs || ino !== entry.inode) throw changed(entry);
}

function changed({ path }: FoundEntry, options?: ErrorOptions): ArchiveError {
  return new ArchiveError(
    `can't be packed: '${path}' changed while it was read; try again when nothing writes to it`,
    options,
  );
}
