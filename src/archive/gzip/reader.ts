/** Reads gzip (RFC 1952) strictly: compares every checksum and length, and allows only zeros after the last member. */

import zlib from "node:zlib";
import { type Inflated, Inflater } from "../../inflater.ts";
import { ArchiveError } from "../errors.ts";
import { describeFile, TELLING_BYTES } from "../file_kinds.ts";
import { messageOf } from "../../errors.ts";

/** Reads bytes into the start of `space` and returns how many, at least one; null at the end of the input. */
export type ByteSource = (space: Uint8Array<ArrayBuffer>) => Promise<number | null> | number | null;

/** How many compressed bytes are read at once. */
const READ_BYTES = 256 * 1024;

/** How many compressed bytes are inflated at once: DEFLATE yields at most 1032 times as many. */
const PIECE_BYTES = 16 * 1024;

/** The size of a chunk of inflated bytes. */
const CHUNK_BYTES = 256 * 1024;

/** The longest name, and the longest comment, that a member's header may have. */
const MAX_HEADER_BYTES = 64 * 1024;

/** Flags of a member's header. */
const FHCRC = 2;
const FEXTRA = 4;
const FNAME = 8;
const FCOMMENT = 16;

const TRAILER_BYTES = 8;

/** Reads the members of a gzip file, one after the other. */
export class GzipReader {
  readonly #source: ByteSource;
  readonly #onRead: (bytes: Uint8Array) => void;
  #buffer = new Uint8Array(READ_BYTES);
  #start = 0;
  #end = 0;
  #atEnd = false;
  #consumed = 0;

  /** @param onRead gets all bytes that are read from the source, for a checksum, for example */
  constructor(source: ByteSource, onRead: (bytes: Uint8Array) => void = () => {}) {
    this.#source = source;
    this.#onRead = onRead;
  }

  /** How many compressed bytes have been inflated or skipped. */
  get consumed(): number {
    return this.#consumed;
  }

  /**
   * Yields the inflated content.
   *
   * @throws {ArchiveError} if the source is not gzip, is corrupt or truncated, or continues after its end
   */
  async *read(): AsyncGenerator<Uint8Array> {
    await this.#readHeader();
    do yield* this.#readMember(); while (await this.#nextMember());
  }

  /** Whether another member follows. @throws {ArchiveError} if anything else but zeros does */
  async #nextMember(): Promise<boolean> {
    while (await this.#fill(1)) {
      if (this.#buffer[this.#start] === 0x1f) {
        await this.#readHeader();
        return true;
      }
      // Tapes and disks pad the last block with zeros.
      if (this.#buffer[this.#start] !== 0) throw this.#continues();
      this.#skip(1);
    }
    return false;
  }

  async #readHeader(): Promise<void> {
    if (!await this.#fill(10) || this.#buffer[this.#start] !== 0x1f || this.#buffer[this.#start + 1] !== 0x8b) {
      if (this.#consumed > 0) throw this.#continues();
      await this.#fill(TELLING_BYTES);
      if (this.#start === this.#end) {
        throw new ArchiveError("is empty: the download, or the program that wrote it, may have failed");
      }
      const kind = describeFile(this.#buffer.subarray(this.#start, Math.min(this.#end, this.#start + TELLING_BYTES)));
      throw new ArchiveError(
        kind === undefined
          ? "is not a gzip file; a Model Archive is a .tar.gz file"
          : `is not a .tar.gz file but ${kind}`,
      );
    }
    const method = this.#buffer[this.#start + 2]!;
    const flags = this.#buffer[this.#start + 3]!;
    if (method !== 8 || (flags & 0xe0) !== 0) {
      throw new ArchiveError(`uses a compression method that gzip does not define (${method}, flags ${flags})`);
    }
    this.#skip(10);
    if (flags & FEXTRA) {
      await this.#need(2);
      const length = this.#buffer[this.#start]! + this.#buffer[this.#start + 1]! * 256;
      this.#skip(2);
      await this.#need(length);
      this.#skip(length);
    }
    if (flags & FNAME) await this.#skipText();
    if (flags & FCOMMENT) await this.#skipText();
    if (flags & FHCRC) {
      await this.#need(2);
      this.#skip(2);
    }
  }

  #continues(): ArchiveError {
    return new ArchiveError(`continues after its end with data that is not gzip, at byte ${this.#consumed}`);
  }

  async #skipText(): Promise<void> {
    for (let length = 0; length < MAX_HEADER_BYTES; length++) {
      await this.#need(1);
      const byte = this.#buffer[this.#start];
      this.#skip(1);
      if (byte === 0) return;
    }
    throw new ArchiveError(`has a gzip header with a text of more than ${MAX_HEADER_BYTES} bytes`);
  }

  async *#readMember(): AsyncGenerator<Uint8Array> {
    using inflater = new Inflater(CHUNK_BYTES);
    let crc = 0;
    let length = 0;
    while (!inflater.ended) {
      if (!await this.#fill(1)) throw truncated();
      const piece = this.#buffer.subarray(this.#start, Math.min(this.#end, this.#start + PIECE_BYTES));
      const { chunks, used } = await inflated(inflater, piece);
      this.#skip(used);
      for (const chunk of chunks) {
        crc = zlib.crc32(chunk, crc);
        length += chunk.length;
        yield chunk;
      }
    }
    await this.#need(TRAILER_BYTES);
    const view = new DataView(this.#buffer.buffer, this.#start, TRAILER_BYTES);
    if (view.getUint32(0, true) !== crc || view.getUint32(4, true) !== length % 2 ** 32) {
      throw new ArchiveError("is corrupt: its checksum or length does not match its content");
    }
    this.#skip(TRAILER_BYTES);
  }

  #skip(count: number): void {
    this.#start += count;
    this.#consumed += count;
  }

  async #need(count: number): Promise<void> {
    if (!await this.#fill(count)) throw truncated();
  }

  /** Reads until the buffer has at least `count` bytes; false if the source ends before. */
  async #fill(count: number): Promise<boolean> {
    if (this.#end - this.#start >= count) return true;
    this.#buffer.copyWithin(0, this.#start, this.#end);
    this.#end -= this.#start;
    this.#start = 0;
    while (this.#end < count && !this.#atEnd) {
      const space = this.#buffer.subarray(this.#end);
      const read = await this.#source(space);
      if (read === null) this.#atEnd = true;
      else {
        this.#onRead(space.subarray(0, read));
        this.#end += read;
      }
    }
    return this.#end >= count;
  }
}

async function inflated(inflater: Inflater, piece: Uint8Array): Promise<Inflated> {
  try {
    return await inflater.inflate(piece);
  } catch (cause) {
    throw new ArchiveError(`is corrupt: ${messageOf(cause)}`, { cause });
  }
}

function truncated(): ArchiveError {
  return new ArchiveError("is truncated: the gzip stream ends early");
}
