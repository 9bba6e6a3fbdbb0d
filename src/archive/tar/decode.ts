/**
 * Decodes tar archives of GNU tar, bsdtar, 7-Zip, Python and macOS: v7, ustar, pax (POSIX.1-2017, pax), and GNU's long names and
 * large numbers (GNU tar manual, "Basic Tar Format").
 */

import { ArchiveError } from "../errors.ts";
import { paddingOf, TAR_BLOCK, type TarEntry } from "./entry.ts";
import {
  checkSum,
  isZero,
  kindOf,
  modeOf,
  mtimeOf,
  pathOf,
  sizeOf,
  targetOf,
  typeOf,
  untilZero,
  wordsOf,
} from "./header.ts";
import { type Override, parsePax } from "./pax.ts";

/** Receives the entries of an archive. An exception ends the decoding. */
export interface TarHandler {
  readonly onEntry: (entry: TarEntry) => void;
  /** Gets some of the content of the latest entry: `bytes` from `start` to `end`. */
  readonly onData: (bytes: Uint8Array, start: number, end: number) => void;
  /** Is called after the last of that content. */
  readonly onEnd: () => void;
}

/** The longest pax header, or GNU long name, in bytes. */
const MAX_META_BYTES = 1024 * 1024;

/** Entries that describe others: a pax header describes the next entry or all that follow; GNU has long names and long targets. */
type Meta = "pax" | "global" | "longName" | "longTarget";

const META: Readonly<Record<string, Meta | undefined>> = {
  x: "pax",
  X: "pax",
  g: "global",
  L: "longName",
  K: "longTarget",
};

/** A folder in an incremental archive of GNU tar, with the names of its files as content. */
const DUMPED_FOLDER = "D";

/** For entries without such headers. */
const NOTHING: Readonly<Override> = {};

/** Decodes a tar archive whose bytes come in pieces of any size. */
export class TarDecoder {
  readonly #handler: TarHandler;
  /** A header that arrives in several pieces, and how much of it has arrived. */
  readonly #split = new Uint8Array(TAR_BLOCK);
  #splitBytes = 0;
  /** How many bytes of content, and of padding after it, are still to come. */
  #content = 0;
  #padding = 0;
  #meta: { readonly kind: Meta; readonly bytes: Uint8Array; filled: number } | undefined;
  #override: Override = NOTHING;
  #offset = 0;
  #zeroBlocks = 0;

  constructor(handler: TarHandler) {
    this.#handler = handler;
  }

  /** Decodes the next bytes. @throws {ArchiveError} if they are not part of a tar archive */
  push(bytes: Uint8Array): void {
    const words = wordsOf(bytes);
    for (let start = 0; start < bytes.length;) {
      const taken = this.#take(bytes, words, start);
      start += taken;
      this.#offset += taken;
    }
  }

  /** Checks that the archive is complete; call it after the last bytes. @throws {ArchiveError} if it is not */
  finish(): void {
    if (this.#offset === 0) throw new ArchiveError("is empty: it decompresses to 0 bytes");
    if (this.#content > 0 || this.#padding > 0 || this.#splitBytes > 0) {
      throw new ArchiveError("is truncated: the tar archive in it ends within an entry");
    }
    if (this.#zeroBlocks === 0) {
      throw new ArchiveError("is truncated: the tar archive in it lacks the end-of-archive marker");
    }
  }

  #take(bytes: Uint8Array, words: Int32Array, start: number): number {
    if (this.#content > 0) {
      const count = Math.min(this.#content, bytes.length - start);
      this.#content -= count;
      this.#onContent(bytes, start, start + count);
      if (this.#content === 0) this.#onContentEnd();
      return count;
    }
    if (this.#padding > 0) {
      const count = Math.min(this.#padding, bytes.length - start);
      this.#padding -= count;
      return count;
    }
    if (this.#splitBytes === 0 && bytes.length - start >= TAR_BLOCK) {
      this.#onHeader(bytes, words, start, this.#offset);
      return TAR_BLOCK;
    }
    const count = Math.min(TAR_BLOCK - this.#splitBytes, bytes.length - start);
    this.#split.set(bytes.subarray(start, start + count), this.#splitBytes);
    this.#splitBytes += count;
    if (this.#splitBytes === TAR_BLOCK) {
      this.#splitBytes = 0;
      this.#onHeader(this.#split, wordsOf(this.#split), 0, this.#offset + count - TAR_BLOCK);
    }
    return count;
  }

  /**
   * @param start where the header begins in `bytes`
   * @param offset where it begins in the archive
   */
  #onHeader(bytes: Uint8Array, words: Int32Array, start: number, offset: number): void {
    if (bytes[start] === 0 && isZero(bytes, start)) {
      this.#zeroBlocks++;
      return;
    }
    if (this.#zeroBlocks > 0) {
      throw new ArchiveError(
        `continues after the tar archive's end-of-archive marker, at byte ${offset} of the tar archive`,
      );
    }
    checkSum(bytes, words, start, offset);
    const type = typeOf(bytes, start);
    const meta = META[type];
    if (meta !== undefined) this.#beginMeta(meta, sizeOf(bytes, start));
    else if (type === "V" || type === "N") this.#skip(this.#override.size ?? sizeOf(bytes, start));
    else this.#beginEntry(type, bytes, start);
  }

  #beginMeta(kind: Meta, size: number): void {
    if (size > MAX_META_BYTES) {
      throw new ArchiveError(`is corrupt: a pax header or long name has ${size} bytes, more than ${MAX_META_BYTES}`);
    }
    this.#meta = { kind, bytes: new Uint8Array(size), filled: 0 };
    this.#begin(size);
  }

  /** Skips what describes no file: a volume label, a list of names of old GNU tar, or the list of a folder in an incremental archive. */
  #skip(size: number): void {
    this.#override = NOTHING;
    this.#meta = { kind: "global", bytes: new Uint8Array(0), filled: 0 };
    this.#begin(size);
  }

  #beginEntry(type: string, header: Uint8Array, start: number): void {
    const { size = sizeOf(header, start), path = pathOf(header, start), sparse } = this.#override;
    const kind = sparse ? "sparse file" : kindOf(type, path);
    const hasContent = kind === "file" || kind === "sparse file" || kind === "multi-volume file";
    const isLink = kind === "symlink" || kind === "hardlink";
    const mtime = this.#override.mtime ?? mtimeOf(header, start);
    const target = isLink ? this.#override.target ?? targetOf(header, start) : "";
    this.#override = NOTHING;
    // POSIX: only files have content, whatever the size of another entry says.
    const content = hasContent ? size : 0;
    this.#handler.onEntry({ path, kind, size: content, mode: modeOf(header, start), mtime, target });
    if (type === DUMPED_FOLDER) {
      this.#handler.onEnd();
      this.#skip(size);
    } else {
      this.#begin(content);
    }
  }

  #begin(size: number): void {
    this.#content = size;
    this.#padding = paddingOf(size);
    if (size === 0) this.#onContentEnd();
  }

  #onContent(bytes: Uint8Array, start: number, end: number): void {
    if (this.#meta === undefined) {
      this.#handler.onData(bytes, start, end);
    } else if (this.#meta.bytes.length > 0) {
      this.#meta.bytes.set(bytes.subarray(start, end), this.#meta.filled);
      this.#meta.filled += end - start;
    }
  }

  #onContentEnd(): void {
    const meta = this.#meta;
    this.#meta = undefined;
    if (meta === undefined) this.#handler.onEnd();
    else if (meta.kind === "longName") this.#override = { ...this.#override, path: untilZero(meta.bytes) };
    else if (meta.kind === "longTarget") this.#override = { ...this.#override, target: untilZero(meta.bytes) };
    else if (meta.kind === "pax") this.#override = { ...this.#override, ...parsePax(meta.bytes) };
    else if (Object.keys(parsePax(meta.bytes)).length > 0) {
      throw new ArchiveError("has a global pax header that renames or resizes all entries, which is not supported");
    }
  }
}
