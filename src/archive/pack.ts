/**
 * Writes a Model Archive: the manifest, and then the module's files, in one pass and with memory that does not depend on their
 * size. The same files make the same bytes, whoever packs them, wherever and whenever.
 */

import type { Collection, FoundEntry } from "./collect.ts";
import { ArchiveError } from "./errors.ts";
import { reasonOf } from "../errors.ts";
import { GzipWriter, type GzipWriterOptions } from "./gzip/writer.ts";
import { joinPath, MANIFEST_NAME } from "./manifest.ts";
import { DEFAULT_LIMITS, Rules } from "./rules.ts";
import { encodeHeader, type NewEntry, TAR_END } from "./tar/encode.ts";
import { paddingOf, TAR_BLOCK } from "./tar/entry.ts";

/** Below this, threads cost more than they help, in bytes of tar. */
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
 * Checks that what is packed can be unpacked everywhere, as a reader will check it.
 *
 * @throws {ArchiveError} which names the entry that can't be
 */
export function checkContents({ parts }: Pick<Contents, "parts">): void {
  const rules = new Rules();
  rules.checkNew({ ...FILE, path: MANIFEST_NAME });
  for (const { folder, files } of parts) {
    for (const parent of parentsOf(folder)) rules.checkNew({ ...FOLDER, path: parent });
    for (const entry of files.entries) {
      if (folder === "" && entry.path === MANIFEST_NAME) continue;
      rules.checkNew({ ...entry, path: folder === "" ? entry.path : `${joinPath(folder)}/${entry.path}` });
    }
  }
  rules.finish();
}

/** Checks that an archive does not grow so much that a reader takes it for a bomb. @throws {ArchiveError} if it does */
export function checkGrowth(bytes: number, packedBytes: number): void {
  try {
    new Rules().checkRatio(bytes, packedBytes);
  } catch (cause) {
    throw new ArchiveError(
      `The files are ${
        Math.round(bytes / packedBytes)
      } times larger than the archive would be, and readers refuse what grows ` +
        `to more than ${DEFAULT_LIMITS.maxRatio} times its size: pack with --level 0`,
      { cause },
    );
  }
}

/**
 * Writes a Model Archive: the manifest first, then the entries of all parts.
 *
 * @returns the number of its entries
 * @throws {ArchiveError} which names a file that can't be read, or changed while it was
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
    for (const entry of files.entries) {
      // The root's manifest is the one that was given, or made.
      if (folder === "" && entry.path === MANIFEST_NAME) continue;
      const path = folder === "" ? entry.path : `${joinPath(folder)}/${entry.path}`;
      const full = writer.add({ ...entry, path });
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

  /**
   * Adds an entry. A promise is one to wait for; most small files are in before there is one, since thousands of promises cost
   * more than thousands of files.
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
      throw new ArchiveError(`'${entry.path}' can't be read: ${reasonOf(cause)}`, { cause });
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

  /** Reads a file for which there is space. */
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
    throw new ArchiveError(`'${entry.path}' can't be read: ${reasonOf(cause)}`, { cause });
  }
  if (count === null) throw changed(entry);
  return count;
}

/** Whether a file is still as it was when it was found. By its path: Deno looks up all of an open file's folders again. */
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
  return new ArchiveError(`'${path}' changed while it was read: pack again when nothing writes to it`, options);
}
