/** Reads the body of a request: RFC 9112, sections 6 and 7. */

import { HttpError } from "./error.ts";
import { latin1 } from "../../bytes.ts";
import { isField } from "./head.ts";
import type { Input } from "./input.ts";

/** Memory allocated before any of the body has arrived, in bytes: a client may announce a long body and never send it. */
const FIRST_BYTES = 16 * 1024;

/** The same for a client that has filled the connection's buffer: it does send a long body, and each step of growth costs a read. */
const FIRST_BYTES_SENT = 128 * 1024;

/**
 * The same in shared memory: a tensor of 1 MiB with the JSON before it. There is room for 32 bodies, so these take at most 34 MiB of the
 * budget before they arrive.
 */
const FIRST_BYTES_SHARED = 1088 * 1024;

/** Factors by which the memory grows. A body of known length grows faster up to EARLY_BYTES, since each step copies what has arrived. */
const GROWTH = 2;
const EARLY_GROWTH = 8;
const EARLY_BYTES = 1024 * 1024;

/** Bytes of each body that the budget does not count: about as many as its connection's buffer has anyway. */
const UNCOUNTED_BYTES = 4096;

/** Limits in bytes: a line with a chunk's size, all chunk extensions of a body together, all its trailers together. */
const MAX_CHUNK_LINE = 256;
const MAX_EXTENSIONS = 16 * 1024;
const MAX_TRAILERS = 8 * 1024;

const LF = 0x0a;
const TOKEN = String.raw`[!#$%&'*+.^_\`|~\w-]+`;
const QUOTED = String.raw`"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"`;
/**
 * RFC 9112, section 7.1: the size, then extensions, each a name with an optional value, which is a token or a quoted string. The RFC
 * forbids senders to put space around `;` and `=`, but has recipients accept it; like other servers, this one refuses it.
 */
const CHUNK_LINE = new RegExp(
  String.raw`^(0*[\da-fA-F]{1,13})((?:;${TOKEN}(?:=(?:${TOKEN}|${QUOTED}))?)*)\r\n$`,
);

/** Called before memory is allocated, with the number of bytes. @throws {HttpError} if the memory is not available */
export type Hold = (bytes: number) => void;

/**
 * Reads a body of known length, in bytes.
 *
 * @param place memory of this length for it. @default memory that grows with what has arrived
 * @throws {HttpError} 400 if the body ends early; and whatever `hold` throws
 */
export async function takeBody(
  input: Input,
  length: number,
  hold: Hold,
  place?: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const body = new Growing(length, hold, EARLY_GROWTH, place);
  await body.fill(input, length);
  return body.finish();
}

/**
 * Reads a chunked body.
 *
 * @throws {HttpError} 413 as soon as the body is known to be longer than `maxBytes`; 400 if it is malformed, or ends early;
 * and whatever `hold` throws
 */
export async function takeChunks(input: Input, maxBytes: number, hold: Hold): Promise<Uint8Array<ArrayBuffer>> {
  const body = new Growing(maxBytes, hold, GROWTH);
  let extensions = 0;
  while (true) {
    const line = await takeLine(input, MAX_CHUNK_LINE, "line with a chunk's size");
    const [, digits, extension] = CHUNK_LINE.exec(line) ?? [];
    if (digits === undefined) throw damaged("a chunk does not begin with its size");
    extensions += extension!.length;
    if (extensions > MAX_EXTENSIONS) {
      throw damaged(`the extensions of its chunks are longer than ${MAX_EXTENSIONS} bytes`);
    }
    const size = parseInt(digits, 16);
    if (size === 0) break;
    if (body.length + size > maxBytes) throw tooLarge(maxBytes);
    await body.fill(input, size);
    if (await takeLine(input, 2, "end of a chunk") !== "\r\n") {
      throw damaged("a chunk is longer than its declared size");
    }
  }
  await skipTrailers(input);
  return body.finish();
}

/** Reads and discards the trailers after the last chunk, up to the empty line. */
async function skipTrailers(input: Input): Promise<void> {
  for (let left = MAX_TRAILERS;;) {
    const line = await takeLine(input, left, "trailer");
    if (line === "\r\n") return;
    if (!isField(line)) throw damaged("a trailer is not of the form 'Name: value'");
    // RFC 9110, section 6.5.1 forbids these as trailers: some programs would believe the length that they give.
    if (/^(?:content-length|transfer-encoding):/i.test(line)) {
      throw damaged("Content-Length or Transfer-Encoding is a trailer");
    }
    left -= line.length;
  }
}

/** Makes the 413 error for a body that is longer than `maxBytes`. */
export function tooLarge(maxBytes: number): HttpError {
  return new HttpError(413, `The body is larger than the limit of ${maxBytes} bytes`, "body");
}

/** Reads a line with its end. @throws {HttpError} 400 if it is longer than `maxBytes`, or incomplete when the client stops sending */
async function takeLine(input: Input, maxBytes: number, what: string): Promise<string> {
  while (true) {
    const at = input.bytes.subarray(input.start, Math.min(input.end, input.start + maxBytes)).indexOf(LF);
    if (at >= 0) return latin1(input.take(at + 1));
    if (input.length >= maxBytes) throw damaged(`the ${what} is too long`);
    if (!await input.more()) throw endedEarly();
  }
}

/** A byte array that grows with what has arrived, because the announced length is unknown or can't be trusted. */
class Growing {
  #bytes = new Uint8Array(0);
  readonly #most: number;
  readonly #hold: Hold;
  readonly #earlyGrowth: number;
  readonly #place: Uint8Array<ArrayBuffer> | undefined;
  length = 0;

  /** @param place all the memory that is needed, which takes none until it is written to */
  constructor(most: number, hold: Hold, earlyGrowth: number, place?: Uint8Array<ArrayBuffer>) {
    this.#place = place;
    this.#most = most;
    this.#hold = hold;
    this.#earlyGrowth = earlyGrowth;
  }

  /** Appends `count` bytes of the input. */
  async fill(input: Input, count: number): Promise<void> {
    const end = this.length + count;
    const full = this.#place === undefined ? FIRST_BYTES_SENT : FIRST_BYTES_SHARED;
    const first = input.full ? full : FIRST_BYTES;
    while (this.length < end) {
      if (this.length === this.#bytes.length) this.#makeRoom(Math.min(end, this.length + first));
      const space = this.#bytes.subarray(this.length, Math.min(end, this.#bytes.length));
      if (input.length > 0) {
        const there = Math.min(input.length, space.length);
        space.set(input.bytes.subarray(input.start, input.start + there));
        input.skip(there);
        this.length += there;
      } else if (input.reading) {
        if (!await input.more()) throw endedEarly();
      } else {
        const read = await input.readInto(space);
        if (read === 0) throw endedEarly();
        this.length += read;
      }
    }
  }

  /** Returns all bytes, in a buffer of exactly their length. */
  finish(): Uint8Array<ArrayBuffer> {
    if (this.#place !== undefined) return this.#place;
    const { buffer } = this.#bytes;
    return this.length === buffer.byteLength ? this.#bytes : new Uint8Array(buffer.transfer(this.length));
  }

  #makeRoom(length: number): void {
    const { buffer, byteLength } = this.#bytes;
    const grown = Math.max(GROWTH * byteLength, Math.min(this.#earlyGrowth * byteLength, EARLY_BYTES));
    const capacity = Math.min(Math.max(length, grown), this.#most);
    this.#hold(Math.max(0, capacity - UNCOUNTED_BYTES) - Math.max(0, byteLength - UNCOUNTED_BYTES));
    this.#bytes = this.#place?.subarray(0, capacity) ?? new Uint8Array(buffer.transfer(capacity));
  }
}

function damaged(how: string): HttpError {
  return new HttpError(400, `The body can't be read: ${how}`);
}

function endedEarly(): HttpError {
  return new HttpError(400, "The body ended early: the client closed the connection");
}
