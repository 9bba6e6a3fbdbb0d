/**
 * Decodes bodies that were compressed: gzip (RFC 1952) and zlib (RFC 1950), which HTTP calls `deflate`.
 *
 * `DecompressionStream` accepts a truncated zlib stream, refuses several gzip members, and inflates its whole input at once; in Deno,
 * Node's `zlib.inflate()` blocks the thread. This module therefore inflates the stream piece by piece and parses the formats around it:
 * it compares every checksum, and refuses trailing bytes.
 */

import zlib from "node:zlib";
import { Inflater } from "../inflater.ts";
import { HttpProblem } from "./problem.ts";
import { Slices } from "./slices.ts";

/** How many compressed bytes are inflated at once: at most 1032 times as many come out, about 8 MiB. */
const PIECE_BYTES = 8 * 1024;

/** The largest piece of inflated bytes. */
const CHUNK_BYTES = 64 * 1024;

/** Flags of a gzip member's header. */
const FHCRC = 2;
const FEXTRA = 4;
const FNAME = 8;
const FCOMMENT = 16;
const RESERVED = 0xe0;

/** How many bytes may be added up before the sums of Adler-32 exceed 32 bits (RFC 1950, section 9). */
const ADLER_BLOCK = 5552;
const ADLER_BASE = 65521;

/** A gzip body may have this many members, and one more per BYTES_A_MEMBER: each costs about as much as inflating 16 KiB. */
const FREE_MEMBERS = 64;
const BYTES_A_MEMBER = 1024;

/** All requests share the main thread. */
const slices = new Slices();

/** The format around a deflated stream: its header and trailer. */
interface Format {
  /** Reads the header before the stream. @returns where the stream begins @throws {HttpProblem} 400 */
  readonly begin: (bytes: Uint8Array, start: number) => number;
  /** The initial value of the checksum. */
  readonly first: number;
  readonly checksum: (chunk: Uint8Array, before: number) => number;
  /** Compares the trailer with the content's checksum and length. @returns where the trailer ends @throws {HttpProblem} 400 */
  readonly end: (bytes: Uint8Array, start: number, checksum: number, length: number) => number;
  /** Whether another stream may follow. */
  readonly several: boolean;
}

/** The content codings that can be decoded. */
export type Coding = "gzip" | "deflate";

/**
 * Decodes a body with one content coding, in slices between which other requests are served.
 *
 * @param maxBytes the longest decoded body that is accepted
 * @param limit the name of that limit, for messages
 * @param hold called with a number of bytes before so much memory is allocated for the decoded body
 * @throws {HttpProblem} 400 if the body is malformed, truncated, or followed by other bytes; 413 as soon as the decoded body is known to
 * be longer; and whatever `hold` throws
 */
export async function inflate(
  bytes: Uint8Array<ArrayBuffer>,
  coding: Coding,
  maxBytes: number,
  limit = "--max-body",
  hold: (bytes: number) => void = () => {},
): Promise<Uint8Array<ArrayBuffer>> {
  const format = FORMATS[coding];
  const whole = new Whole(maxBytes, limit, hold);
  let at = 0;
  let members = FREE_MEMBERS + bytes.length / BYTES_A_MEMBER;
  do {
    if (--members < 0) throw damaged(coding, "it has too many gzip members: compress the body as one member");
    at = await inflateMember(bytes, at, format, whole);
  } while (format.several && at < bytes.length);
  if (at < bytes.length) throw damaged(coding, `${bytes.length - at} bytes follow its end`);
  return whole.finish();
}

async function inflateMember(bytes: Uint8Array, start: number, format: Format, whole: Whole): Promise<number> {
  let at = format.begin(bytes, start);
  let checksum = format.first;
  const before = whole.length;
  using inflater = new Inflater(CHUNK_BYTES);
  while (!inflater.ended) {
    if (at >= bytes.length) throw cutOff();
    const piece = bytes.subarray(at, at + PIECE_BYTES);
    at += await slices.run(async () => {
      const { chunks, used } = await inflater.inflate(piece).catch(({ message }) => {
        throw new HttpProblem(400, `The compressed body is damaged: ${message}`);
      });
      for (const chunk of chunks) {
        whole.add(chunk);
        checksum = format.checksum(chunk, checksum);
      }
      return used;
    });
  }
  return format.end(bytes, at, checksum, whole.length - before);
}

const FORMATS: Readonly<Record<Coding, Format>> = {
  gzip: {
    begin: beginGzip,
    first: 0,
    checksum: (chunk, before) => zlib.crc32(chunk, before),
    end: (bytes, start, checksum, length) => {
      const view = viewOf(bytes, start, 8);
      if (view.getUint32(0, true) !== checksum) throw damaged("gzip", "its checksum does not match its content");
      if (view.getUint32(4, true) !== length % 2 ** 32) throw damaged("gzip", "its length does not match its content");
      return start + 8;
    },
    several: true,
  },
  deflate: {
    begin: beginZlib,
    first: 1,
    checksum: adler32,
    end: (bytes, start, checksum) => {
      if (viewOf(bytes, start, 4).getUint32(0) !== checksum) {
        throw damaged("deflate", "its checksum does not match its content");
      }
      return start + 4;
    },
    several: false,
  },
};

function beginGzip(bytes: Uint8Array, start: number): number {
  const view = viewOf(bytes, start, 10);
  if (view.getUint16(0) !== 0x1f8b) {
    throw damaged(
      "gzip",
      start === 0 ? "it has no gzip header" : "it continues after the end of the gzip stream",
    );
  }
  const flags = view.getUint8(3);
  if (view.getUint8(2) !== 8 || (flags & RESERVED) !== 0) throw damaged("gzip", "its gzip header is not valid");
  let at = start + 10;
  if (flags & FEXTRA) at += 2 + viewOf(bytes, at, 2).getUint16(0, true);
  if (flags & FNAME) at = behindZero(bytes, at);
  if (flags & FCOMMENT) at = behindZero(bytes, at);
  if (flags & FHCRC) at += 2;
  return at;
}

function behindZero(bytes: Uint8Array, start: number): number {
  const zero = bytes.indexOf(0, start);
  if (zero < 0) throw cutOff();
  return zero + 1;
}

function beginZlib(bytes: Uint8Array, start: number): number {
  const header = viewOf(bytes, start, 2).getUint16(0);
  // The method must be 8, the window at most 7, and the header a multiple of 31. No preset dictionary is known here.
  if ((header & 0x0f00) !== 0x0800 || header >> 12 > 7 || header % 31 !== 0 || (header & 0x20) !== 0) {
    throw damaged("deflate", "it has no zlib header (RFC 1950)");
  }
  return start + 2;
}

function adler32(chunk: Uint8Array, before: number): number {
  let a = before & 0xffff;
  let b = before >>> 16;
  for (let at = 0; at < chunk.length;) {
    const end = Math.min(chunk.length, at + ADLER_BLOCK);
    for (; at < end; at++) {
      a += chunk[at]!;
      b += a;
    }
    a %= ADLER_BASE;
    b %= ADLER_BASE;
  }
  return ((b << 16) | a) >>> 0;
}

/** @throws {HttpProblem} 400 if there are fewer bytes */
function viewOf(bytes: Uint8Array, start: number, length: number): DataView {
  if (start + length > bytes.length) throw cutOff();
  return new DataView(bytes.buffer, bytes.byteOffset + start, length);
}

/** Collects the decoded bytes. */
class Whole {
  readonly #most: number;
  readonly #limit: string;
  readonly #hold: (bytes: number) => void;
  #bytes = new Uint8Array(0);
  length = 0;

  constructor(most: number, limit: string, hold: (bytes: number) => void) {
    this.#most = most;
    this.#limit = limit;
    this.#hold = hold;
  }

  /** @throws {HttpProblem} 413 if the body becomes longer than the limit */
  add(chunk: Uint8Array): void {
    const length = this.length + chunk.length;
    if (length > this.#most) {
      throw new HttpProblem(413, `The decoded body is larger than the limit of ${this.#most} bytes (${this.#limit})`);
    }
    const { buffer } = this.#bytes;
    if (length > buffer.byteLength) {
      const capacity = Math.min(this.#most, Math.max(length, 2 * buffer.byteLength));
      this.#hold(capacity - buffer.byteLength);
      this.#bytes = new Uint8Array(buffer.transfer(capacity));
    }
    this.#bytes.set(chunk, this.length);
    this.length = length;
  }

  /** Returns all bytes, in a buffer of exactly their length. */
  finish(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#bytes.buffer.transfer(this.length));
  }
}

function damaged(coding: Coding, how: string): HttpProblem {
  return new HttpProblem(400, `The body can't be decoded as ${coding}: ${how}`);
}

function cutOff(): HttpProblem {
  return new HttpProblem(400, "The compressed body is truncated: it ends in the middle");
}
