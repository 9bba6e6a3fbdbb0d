/** The body of a request: RFC 9112, sections 6 and 7. */

import { HttpError } from "./error.ts";
import { isField, latin1 } from "./head.ts";
import type { Input } from "./input.ts";

/** Memory that is taken before any of a body has come, in bytes: a client that announces a long one may never send it. */
const FIRST_BYTES = 16 * 1024;

/** The same for a client that has filled the connection's buffer: it does send a long one, and each step of growth costs a read. */
const FIRST_BYTES_SENT = 128 * 1024;

/** How its memory grows: of one whose length is known, the first steps are larger, since each copies what has come. */
const GROWTH = 2;
const EARLY_GROWTH = 8;
const EARLY_BYTES = 1024 * 1024;

/** What each body has beside the budget of all, in bytes: about as much as its connection has anyway. */
const UNCOUNTED_BYTES = 4096;

/** The longest line with a chunk's size, and the most that all extensions of chunks, or all trailers, may have, in bytes. */
const MAX_CHUNK_LINE = 256;
const MAX_EXTENSIONS = 16 * 1024;
const MAX_TRAILERS = 8 * 1024;

const LF = 0x0a;
const TOKEN = String.raw`[!#$%&'*+.^_\`|~\w-]+`;
const QUOTED = String.raw`"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"`;
/**
 * RFC 9112, section 7.1: the size, and extensions, each a name and perhaps a value, which is a token or in quotes. The space that the RFC
 * has recipients expect around `;` and `=`, though nobody may send it, is refused, as by other servers.
 */
const CHUNK_LINE = new RegExp(
  String.raw`^(0*[\da-fA-F]{1,13})((?:;${TOKEN}(?:=(?:${TOKEN}|${QUOTED}))?)*)\r\n$`,
);

/** Is told before memory is taken, how many bytes. @throws {HttpError} if it must not be */
export type Hold = (bytes: number) => void;

/**
 * Takes a body of a known length.
 *
 * @throws {HttpError} 400 if less comes; what `hold` throws
 */
export async function takeBody(input: Input, length: number, hold: Hold): Promise<Uint8Array<ArrayBuffer>> {
  const body = new Growing(length, hold, EARLY_GROWTH);
  await body.fill(input, length);
  return body.finish();
}

/**
 * Takes a body that comes in chunks.
 *
 * @throws {HttpError} 413 if it is longer than `maxBytes`, as soon as that is known; 400 if it is damaged, or ends early;
 * what `hold` throws
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
    if (await takeLine(input, 2, "end of a chunk") !== "\r\n") throw damaged("a chunk is longer than it says");
  }
  await skipTrailers(input);
  return body.finish();
}

/** Takes what may follow the last chunk, up to the empty line; nobody needs it. */
async function skipTrailers(input: Input): Promise<void> {
  for (let left = MAX_TRAILERS;;) {
    const line = await takeLine(input, left, "trailer");
    if (line === "\r\n") return;
    if (!isField(line)) throw damaged("a trailer is not of the form 'Name: value'");
    // RFC 9110, section 6.5.1: they say how long a body is, and some programs would believe them.
    if (/^(?:content-length|transfer-encoding):/i.test(line)) {
      throw damaged("Content-Length or Transfer-Encoding is a trailer");
    }
    left -= line.length;
  }
}

/** What is said of a body that is longer than is accepted. */
export function tooLarge(maxBytes: number): HttpError {
  return new HttpError(413, `The body is larger than the limit of ${maxBytes} bytes`, "body");
}

/** A line with its end. @throws {HttpError} 400 if it is longer, or does not come */
async function takeLine(input: Input, maxBytes: number, what: string): Promise<string> {
  while (true) {
    const at = input.bytes.subarray(input.start, Math.min(input.end, input.start + maxBytes)).indexOf(LF);
    if (at >= 0) return latin1(input.take(at + 1));
    if (input.length >= maxBytes) throw damaged(`the ${what} is too long`);
    if (!await input.more()) throw endedEarly();
  }
}

/** Bytes whose number is not known, or not believed, before they are there: their memory follows what has come. */
class Growing {
  #bytes = new Uint8Array(0);
  readonly #most: number;
  readonly #hold: Hold;
  readonly #earlyGrowth: number;
  length = 0;

  constructor(most: number, hold: Hold, earlyGrowth: number) {
    this.#most = most;
    this.#hold = hold;
    this.#earlyGrowth = earlyGrowth;
  }

  /** Adds so many bytes of the input. */
  async fill(input: Input, count: number): Promise<void> {
    const end = this.length + count;
    const first = input.full ? FIRST_BYTES_SENT : FIRST_BYTES;
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

  /** All of them, in memory of their length. */
  finish(): Uint8Array<ArrayBuffer> {
    const { buffer } = this.#bytes;
    return this.length === buffer.byteLength ? this.#bytes : new Uint8Array(buffer.transfer(this.length));
  }

  #makeRoom(length: number): void {
    const { buffer } = this.#bytes;
    const { byteLength } = buffer;
    const grown = Math.max(GROWTH * byteLength, Math.min(this.#earlyGrowth * byteLength, EARLY_BYTES));
    const capacity = Math.min(Math.max(length, grown), this.#most);
    this.#hold(Math.max(0, capacity - UNCOUNTED_BYTES) - Math.max(0, byteLength - UNCOUNTED_BYTES));
    this.#bytes = new Uint8Array(buffer.transfer(capacity));
  }
}

function damaged(how: string): HttpError {
  return new HttpError(400, `The body can't be read: ${how}`);
}

function endedEarly(): HttpError {
  return new HttpError(400, "The body ended early: the client closed the connection");
}
