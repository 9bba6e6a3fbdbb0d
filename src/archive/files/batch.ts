/**
 * Small files in one buffer, as they are passed to a thread. Each file has a record:
 *
 *     header      five words of 32 bits: the sizes of path and content, whether it is executable, and the time as two words
 *     path        in UTF-8, with a NUL byte at its end, as the system expects it
 *     content
 *     padding     to a multiple of 4 bytes
 */

import type { SafeEntry } from "../rules.ts";

/** A small file, without its content. */
export type SmallFile = Pick<SafeEntry, "path" | "size" | "executable" | "mtime">;

/** The size of the buffer. */
export const BATCH_BYTES = 256 * 1024;
/** Enough files that passing on a batch costs little, and few enough that all threads end at about the same time. */
const BATCH_FILES = 128;

/** The largest file, in bytes. */
const MAX_SIZE = 64 * 1024;
/** The longest path, in code units of UTF-16. Linux refuses longer ones. */
const MAX_PATH = 4096;

const HEADER_WORDS = 5;
const HEADER_BYTES = 4 * HEADER_WORDS;
/** Contents up to this size are copied byte by byte, which takes less time than to make a view of them. */
const COPIED_BYTES = 256;
/** The most bytes in UTF-8 for a code unit of UTF-16. */
const MOST_BYTES_PER_UNIT = 3;
const WORD = 2 ** 32;

const encoder = new TextEncoder();

/** Collects small files in a buffer. */
export class Batch {
  readonly bytes: Uint8Array;
  readonly #words: Uint32Array;
  #used = 0;
  /** Where the next part of the latest file's content goes. */
  #next = 0;
  #files = 0;

  /** @param bytes the buffer, of {@linkcode BATCH_BYTES} */
  constructor(bytes: Uint8Array = new Uint8Array(BATCH_BYTES)) {
    this.bytes = bytes;
    this.#words = wordsOf(bytes);
  }

  /** Whether a file is small enough: there is room for it in an empty batch. */
  static fits({ path, size }: SmallFile): boolean {
    return size <= MAX_SIZE && path.length <= MAX_PATH;
  }

  /** How many bytes of the buffer hold records. */
  get used(): number {
    return this.#used;
  }

  /** Whether there is room for one more file. */
  hasRoom(file: SmallFile): boolean {
    return this.#files < BATCH_FILES && this.#used + mostBytes(file) <= BATCH_BYTES;
  }

  /** Adds a file that there is room for. Its content must follow before the next file: see {@linkcode append}. */
  add({ path, size, executable, mtime }: SmallFile): void {
    const start = this.#used + HEADER_BYTES;
    const pathBytes = this.#addPath(path, start);
    const content = start + pathBytes + 1;
    this.bytes[content - 1] = 0;
    const word = this.#used / 4;
    this.#words[word] = pathBytes;
    this.#words[word + 1] = size;
    this.#words[word + 2] = Number(executable);
    this.#words[word + 3] = mtime % WORD;
    this.#words[word + 4] = Math.floor(mtime / WORD);
    this.#used = padded(content + size);
    this.#next = content;
    this.#files++;
  }

  /** Adds a part of the latest file's content: `bytes` from `start` to `end`. */
  append(bytes: Uint8Array, start: number, end: number): void {
    if (end - start > COPIED_BYTES) this.bytes.set(bytes.subarray(start, end), this.#next);
    else for (let i = start; i < end; i++) this.bytes[this.#next + i - start] = bytes[i]!;
    this.#next += end - start;
  }

  /** Returns how many bytes the path has in UTF-8. */
  #addPath(path: string, start: number): number {
    for (let i = 0; i < path.length; i++) {
      const code = path.charCodeAt(i);
      if (code >= 0x80) return encoder.encodeInto(path, this.bytes.subarray(start)).written;
      this.bytes[start + i] = code;
    }
    return path.length;
  }
}

/** Reads the files of a batch, one after the other. It makes no object for a file: threads read thousands of them. */
export class BatchReader {
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #used: number;
  #at = 0;
  /** Of the file: relative to the folder, in UTF-8, with a NUL byte at its end. */
  path!: Uint8Array<ArrayBuffer>;
  content!: Uint8Array<ArrayBuffer>;
  executable = false;
  /** In seconds since 1970. */
  mtime = 0;

  /** @param used how many bytes of the buffer hold records */
  constructor(bytes: Uint8Array, used: number) {
    this.#bytes = bytes;
    this.#words = wordsOf(bytes);
    this.#used = used;
  }

  /** Reads the next file into the fields. @returns false after the last one */
  next(): boolean {
    if (this.#at >= this.#used) return false;
    const word = this.#at / 4;
    const size = this.#words[word + 1]!;
    const path = this.#at + HEADER_BYTES;
    const content = path + this.#words[word]! + 1;
    this.path = this.#part(path, content);
    this.content = this.#part(content, content + size);
    this.executable = this.#words[word + 2] === 1;
    this.mtime = this.#words[word + 4]! * WORD + this.#words[word + 3]!;
    this.#at = padded(content + size);
    return true;
  }

  #part(start: number, end: number): Uint8Array<ArrayBuffer> {
    // Deno's FFI accepts shared memory, unlike its types.
    return this.#bytes.subarray(start, end) as Uint8Array<ArrayBuffer>;
  }
}

function wordsOf({ buffer, byteOffset, byteLength }: Uint8Array): Uint32Array {
  return new Uint32Array(buffer, byteOffset, byteLength / 4);
}

function mostBytes({ path, size }: SmallFile): number {
  return padded(HEADER_BYTES + MOST_BYTES_PER_UNIT * path.length + 1 + size);
}

function padded(bytes: number): number {
  return Math.ceil(bytes / 4) * 4;
}
