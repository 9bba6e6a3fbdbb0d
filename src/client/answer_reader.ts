/** Reads HTTP/1.1 responses (RFC 9112) from a connection and keeps nothing of their bodies: a load test needs their sizes and statuses. */

import { latin1 } from "../bytes.ts";

/** A response that was read to its end. */
export interface Answer {
  readonly status: number;
  /** The status line and the header fields, without the empty line after them. */
  readonly head: string;
  /** The length of the response in bytes, including its head. */
  readonly bytes: number;
  /** When its first byte arrived, by `performance.now()`. */
  readonly firstByteAt: number;
  /** Whether the connection can carry another request. */
  readonly canReuse: boolean;
}

/** A connection failed, or the server sent something that is not an HTTP/1.1 response. The message completes "a request failed: …". */
export class ConnectionFailure extends Error {
  override readonly name = "ConnectionFailure";

  /** @param beforeAnswer whether it failed before the first byte of a response */
  constructor(message: string, readonly beforeAnswer: boolean, options?: ErrorOptions) {
    super(message, options);
  }
}

const BUFFER_BYTES = 64 * 1024;
/** Letters of ASCII. */
const C = 99;
const T = 116;
const CR = 13;
const LF = 10;

/** The longest line that begins a chunk, in bytes. */
const MAX_CHUNK_LINE = 4096;

/** Reads one response after another from a connection. */
export class AnswerReader {
  readonly #source: { read(buffer: Uint8Array): Promise<number | null> };
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #from = 0;
  #to = 0;
  /** Bytes that were received since the response began. */
  #bytes = 0;
  #firstByteAt = 0;

  constructor(source: { read(buffer: Uint8Array): Promise<number | null> }) {
    this.#source = source;
  }

  /**
   * Reads the next response to its end.
   *
   * @param onBody called with each piece of the body, whose memory is reused after the call
   * @throws {ConnectionFailure} if the connection ends first, or the bytes are not an HTTP response
   */
  async next(onBody: (piece: Uint8Array) => void = () => {}): Promise<Answer> {
    this.#bytes = this.#to - this.#from;
    this.#firstByteAt = this.#bytes > 0 ? performance.now() : 0;
    for (;;) {
      const head = await this.#readHead();
      const status = Number(head.slice(9, 12));
      // Interim responses have no body, and the final one follows.
      if (status >= 100 && status < 200) continue;
      const framing = framingOf(head);
      const isWhole = this.#takeBody(status, framing, onBody) || await this.#readBody(status, framing, onBody);
      return {
        status,
        head,
        bytes: this.#bytes - (this.#to - this.#from),
        firstByteAt: this.#firstByteAt,
        canReuse: isWhole && !framing.closes && (framing.keepsAlive || head.startsWith("HTTP/1.1")),
      };
    }
  }

  /** Reads the head up to the empty line. */
  async #readHead(): Promise<string> {
    for (let searched = 0;;) {
      const end = this.#endOfHead(this.#from + Math.max(0, searched - 3));
      if (end >= 0) {
        const head = latin1(this.#buffer.subarray(this.#from, end));
        this.#from = end + 4;
        if (!/^HTTP\/1\.[01] [1-9]\d\d(?:[ \r]|$)/.test(head)) {
          throw new ConnectionFailure("the server does not speak HTTP/1.1", false);
        }
        return head;
      }
      searched = this.#to - this.#from;
      if (searched === BUFFER_BYTES) {
        throw new ConnectionFailure(`the head of a response is longer than ${BUFFER_BYTES / 1024} KiB`, false);
      }
      await this.#fill("within a response");
    }
  }

  /** Finds the empty line after the head, from `from` on; -1 if it has not arrived. */
  #endOfHead(from: number): number {
    const received = this.#buffer;
    const last = this.#to - 4;
    // The third of the four bytes is looked at first: if it is neither CR nor LF, the next three positions can be skipped.
    for (let at = from; at <= last;) {
      const third = received[at + 2];
      if (third === CR) {
        if (received[at] === CR && received[at + 1] === LF && received[at + 3] === LF) return at;
        at += 2;
      } else at += third === LF ? 1 : 3;
    }
    return -1;
  }

  /** Takes a body that has arrived with its head, as nearly all small ones do. @returns false if it has not, or its length is not known */
  #takeBody(status: number, { length, isChunked }: BodyFraming, onBody: (piece: Uint8Array) => void): boolean {
    if (length === undefined || isChunked || status === 204 || status === 304) return false;
    const end = this.#from + length;
    if (end > this.#to) return false;
    onBody(this.#buffer.subarray(this.#from, end));
    this.#from = end;
    return true;
  }

  /** Reads the body. @returns false if the end of the connection ended the body */
  async #readBody(
    status: number,
    { length, isChunked }: BodyFraming,
    onBody: (piece: Uint8Array) => void,
  ): Promise<boolean> {
    if (status === 204 || status === 304) return true;
    if (isChunked) {
      for (let size = await this.#chunkSize(); size > 0; size = await this.#chunkSize()) {
        await this.#pass(size, onBody);
        if (await this.#line() !== "") throw new ConnectionFailure("a chunk of a response has the wrong length", false);
      }
      while (await this.#line() !== "");
      return true;
    }
    if (length === undefined) {
      // The body lasts until the server closes the connection.
      for (;;) {
        onBody(this.#buffer.subarray(this.#from, this.#to));
        this.#from = this.#to = 0;
        if (await this.#receive() === null) return false;
      }
    }
    await this.#pass(length, onBody);
    return true;
  }

  async #chunkSize(): Promise<number> {
    const digits = /^([\da-f]{1,12})\s*(;|$)/i.exec(await this.#line())?.[1];
    if (digits === undefined) throw new ConnectionFailure("a chunk of a response has no length", false);
    return parseInt(digits, 16);
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#buffer.subarray(this.#from, this.#to).indexOf(LF);
      if (end >= 0) {
        const line = latin1(this.#buffer.subarray(this.#from, this.#from + end)).replace(/\r$/, "");
        this.#from += end + 1;
        return line;
      }
      if (this.#to - this.#from > MAX_CHUNK_LINE) {
        throw new ConnectionFailure("a chunk of a response has no length", false);
      }
      await this.#fill("within a response");
    }
  }

  /** Passes the next `bytes` bytes to `onBody`. */
  async #pass(bytes: number, onBody: (piece: Uint8Array) => void): Promise<void> {
    for (let left = bytes;;) {
      const here = Math.min(left, this.#to - this.#from);
      onBody(this.#buffer.subarray(this.#from, this.#from + here));
      this.#from += here;
      left -= here;
      if (left === 0) return;
      await this.#fill("within a response");
    }
  }

  /** Receives more bytes into the buffer. */
  async #fill(when: string): Promise<void> {
    if (this.#from === this.#to) this.#from = this.#to = 0;
    else if (this.#to === BUFFER_BYTES) {
      this.#buffer.copyWithin(0, this.#from, this.#to);
      this.#to -= this.#from;
      this.#from = 0;
    }
    const before = this.#bytes === 0;
    if (await this.#receive() === null) {
      throw new ConnectionFailure(`the server closed the connection ${before ? "without an answer" : when}`, before);
    }
  }

  async #receive(): Promise<number | null> {
    const before = this.#bytes === 0;
    let received: number | null;
    try {
      received = await this.#source.read(this.#buffer.subarray(this.#to));
    } catch (cause) {
      throw new ConnectionFailure(failureOf(cause), before, { cause });
    }
    if (received === null) return null;
    if (before) this.#firstByteAt = performance.now();
    this.#to += received;
    this.#bytes += received;
    return received;
  }
}

/** What a head says about the end of the response. */
interface BodyFraming {
  /** The length of the body in bytes. */
  length: number | undefined;
  isChunked: boolean;
  closes: boolean;
  keepsAlive: boolean;
}

/** Finds the fields that matter. Only lines with their first letter are looked at, which is faster than a search for each of them. */
function framingOf(head: string): BodyFraming {
  const found: BodyFraming = { length: undefined, isChunked: false, closes: false, keepsAlive: false };
  for (let at = head.indexOf("\n") + 1; at > 0;) {
    const next = head.indexOf("\n", at) + 1;
    const letter = head.charCodeAt(at) | 0x20;
    if (letter === C || letter === T) {
      const line = next > 0 ? head.slice(at, next) : head.slice(at);
      if (letter === T) found.isChunked ||= /^transfer-encoding:.*\bchunked\s*$/i.test(line);
      else if (/^connection:/i.test(line)) {
        found.closes ||= /\bclose\b/i.test(line);
        found.keepsAlive ||= /\bkeep-alive\b/i.test(line);
      } else {
        const length = /^content-length:[ \t]*(\d{1,15})\s*$/i.exec(line)?.[1];
        if (length !== undefined) found.length ??= Number(length);
      }
    }
    at = next;
  }
  return found;
}

/** Describes a system's error about a connection, without numbers that differ each time. */
export function failureOf(cause: unknown): string {
  if (cause instanceof Deno.errors.ConnectionReset) return "the server reset the connection";
  if (cause instanceof Deno.errors.ConnectionRefused) return "the server refused the connection";
  if (cause instanceof Deno.errors.BrokenPipe) return "the server closed the connection while the request was sent";
  return cause instanceof Error ? cause.message.replace(/ \(os error \d+\)$/, "") : String(cause);
}
