/**
 * Reads gzip (RFC 1952), strictly: every checksum and length is compared, and nothing may follow the last member but zeros.
 */

import zlib from "node:zlib";
import { type Inflated, Inflater } from "../../inflater.ts";
import { ArchiveError } from "../errors.ts";
import { describeFile, TELLING_BYTES } from "../file_kinds.ts";
import { messageOf } from "../../errors.ts";

/** Where bytes come from: fills what it is given, from the beginning, and says with how many; null at the end. */
export type ByteSource = (space: Uint8Array<ArrayBuffer>) => Promise<number | null> | number | null;

/** Compressed bytes that are read at once. */
const READ_BYTES = 256 * 1024;

/** Compressed bytes that are inflated at once: at most 1032 times as many come out. */
const PIECE_BYTES = 16 * 1024;

/** Inflated bytes that come at once. */
const CHUNK_BYTES = 256 * 1024;

/** The most that a member's header may have of names and comments. */
const MAX_HEADER_BYTES = 64 * 1024;

/** Flags of a member's header. */
const FHCRC = 2;
const FEXTRA = 4;
const FNAME = 8;
const FCOMMENT = 16;

const TRAILER_BYTES = 8;

/** Reads members, one after the other. */
export class GzipReader {
  readonly #source: ByteSource;
  readonly #onRead: (bytes: Uint8Array) => void;
  #buffer = new Uint8Array(READ_BYTES);
  #start = 0;
  #end = 0;
  #atEnd = false;
  #consumed = 0;

  /** @param onRead is told all that is read from the source, such as for its checksum */
  constructor(source: ByteSource, onRead: (bytes: Uint8Array) => void = () => {}) {
    this.#source = source;
    this.#onRead = onRead;
  }

  /** Compressed bytes that were used up. */
  get consumed(): number {
    return this.#consumed;
  }

  /**
   * Yields what was compressed.
   *
   * @throws {ArchiveError} if it is no gzip, is damaged or cut off, or something follows it
   */
  async *read(): AsyncGenerator<Uint8Array> {
    await this.#readHeader();
    do yield* this.#readMember(); while (await this.#nextMember());
  }

  /** Whether another member follows. @throws {ArchiveError} if something else does */
  async #nextMember(): Promise<boolean> {
    while (await this.#fill(1)) {
      if (this.#buffer[this.#start] === 0x1f) {
        await this.#readHeader();
        return true;
      }
      // Tapes and disks are filled up with zeros.
      if (this.#buffer[this.#start] !== 0) {
        throw new ArchiveError(`Something that is not gzip follows the archive, at byte ${this.#consumed}`);
      }
      this.#skip(1);
    }
    return false;
  }

  async #readHeader(): Promise<void> {
    if (!await this.#fill(10) || this.#buffer[this.#start] !== 0x1f || this.#buffer[this.#start + 1] !== 0x8b) {
      if (this.#consumed > 0) {
        throw new ArchiveError(`Something that is not gzip follows the archive, at byte ${this.#consumed}`);
      }
      await this.#fill(TELLING_BYTES);
      const kind = describeFile(this.#buffer.subarray(this.#start, Math.min(this.#end, this.#start + TELLING_BYTES)));
      throw new ArchiveError(
        kind === undefined
          ? "It is not a gzip file: a Model Archive is a .tar.gz"
          : `It is not a gzip file, as a Model Archive (a .tar.gz) is, but ${kind}`,
      );
    }
    const method = this.#buffer[this.#start + 2]!;
    const flags = this.#buffer[this.#start + 3]!;
    if (method !== 8 || (flags & 0xe0) !== 0) {
      throw new ArchiveError(`It is compressed by a method that gzip does not define (${method}, flags ${flags})`);
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

  async #skipText(): Promise<void> {
    for (let length = 0; length < MAX_HEADER_BYTES; length++) {
      await this.#need(1);
      const byte = this.#buffer[this.#start];
      this.#skip(1);
      if (byte === 0) return;
    }
    throw new ArchiveError("Its gzip header is too long");
  }

  async *#readMember(): AsyncGenerator<Uint8Array> {
    using inflater = new Inflater(CHUNK_BYTES);
    let crc = 0;
    let length = 0;
    while (!inflater.ended) {
      if (!await this.#fill(1)) throw cutOff();
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
      throw new ArchiveError("It is damaged: its checksum is not that of its content");
    }
    this.#skip(TRAILER_BYTES);
  }

  #skip(count: number): void {
    this.#start += count;
    this.#consumed += count;
  }

  async #need(count: number): Promise<void> {
    if (!await this.#fill(count)) throw cutOff();
  }

  /** Reads until at least `count` bytes are there; false if there are fewer. */
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
    throw new ArchiveError(`It is damaged: ${messageOf(cause)}`, { cause });
  }
}

function cutOff(): ArchiveError {
  return new ArchiveError("It is cut off: it ends in the middle");
}
