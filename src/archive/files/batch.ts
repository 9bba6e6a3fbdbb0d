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

/** A file of a batch, with its content. */
export interface BatchFile {
  /** Relative to the folder, in UTF-8, with a NUL byte at its end. */
  readonly path: Uint8Array<ArrayBuffer>;
  readonly content: Uint8Array<ArrayBuffer>;
  readonly executable: boolean;
  /** In seconds since 1970. */
  readonly mtime: number;
}

/** The size of the buffer. */
export const BATCH_BYTES = 256 * 1024;
/** Enough files that passing on a batch costs little, and few enough that all threads end at about the same time. */
const BATCH_FILES = 128;

const HEADER_WORDS = 5;
const HEADER_BYTES = 4 * HEADER_WORDS;
/** The most bytes in UTF-8 for a code unit of UTF-16. */
const MOST_BYTES_PER_UNIT = 3;
const WORD = 2 ** 32;

const encoder = new TextEncoder();

/** Collects small files in a buffer. */
export class Batch {
  readonly bytes: Uint8Array;
  readonly #words: Uint32Array;
  #used = 0;
  #files = 0;

  /** @param bytes the buffer, of {@linkcode BATCH_BYTES} */
  constructor(bytes: Uint8Array = new Uint8Array(BATCH_BYTES)) {
    this.bytes = bytes;
    this.#words = wordsOf(bytes);
  }

  /** Whether there is room for a file in an empty batch. */
  static fits(file: SmallFile): boolean {
    return mostBytes(file) <= BATCH_BYTES;
  }

  /** How many bytes of the buffer hold records. */
  get used(): number {
    return this.#used;
  }

  /** Whether there is room for one more file. */
  hasRoom(file: SmallFile): boolean {
    return this.#files < BATCH_FILES && this.#used + mostBytes(file) <= BATCH_BYTES;
  }

  /** Adds a file that there is room for, and returns the space for its content. */
  add({ path, size, executable, mtime }: SmallFile): Uint8Array {
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
    this.#files++;
    return this.bytes.subarray(content, content + size);
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

/** Yields the files in the first `used` bytes of a batch's buffer. */
export function* filesOf(bytes: Uint8Array, used: number): Generator<BatchFile> {
  const words = wordsOf(bytes);
  // Deno's FFI accepts shared memory, unlike its types.
  const part = (start: number, end: number) => bytes.subarray(start, end) as Uint8Array<ArrayBuffer>;
  for (let at = 0; at < used;) {
    const word = at / 4;
    const size = words[word + 1]!;
    const content = at + HEADER_BYTES + words[word]! + 1;
    yield {
      path: part(at + HEADER_BYTES, content),
      content: part(content, content + size),
      executable: words[word + 2] === 1,
      mtime: words[word + 4]! * WORD + words[word + 3]!,
    };
    at = padded(content + size);
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
