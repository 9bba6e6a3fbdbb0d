/**
 * Reads HTTP/1.1 responses (RFC 9112) from bytes as they arrive, without waiting for any: who receives them decides how to wait.
 * It keeps nothing of their bodies.
 */

import { latin1 } from "../bytes.ts";
import { endOfHead, type Framing, framingOf, isVersion11, statusOf } from "./answer_head.ts";
import { ConnectionFailure, failureOf } from "./connection_failure.ts";

/** A response that was read to its end. */
export interface Answer {
  readonly status: number;
  /** The length of the response in bytes, including its head and interim responses before it. */
  readonly bytes: number;
  /** When its first byte arrived, by `performance.now()`. */
  readonly firstByteAt: number;
  /** Whether the connection can carry another request. */
  readonly canReuse: boolean;
}

/** Takes the content of a response. The memory of its pieces is reused after the call. */
export interface AnswerSink {
  /** The status line and the header fields, without the empty line after them. Called for interim responses as well. */
  head(bytes: Uint8Array): void;
  /** A piece of the body. */
  body(bytes: Uint8Array): void;
}

const BUFFER_BYTES = 64 * 1024;
const LF = 10;

/** The longest line that begins a chunk, or is part of a trailer, in bytes. */
const MAX_CHUNK_LINE = 4096;

/** What is expected next. */
type Phase = "head" | "body" | "chunk size" | "chunk" | "chunk end" | "trailers" | "end of connection";

/** Reads one response after another. */
export class AnswerParser {
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  /** The bytes that were received and not read yet. */
  #from = 0;
  #to = 0;
  #phase: Phase = "head";
  /** How much of a head, without its last three bytes, does not contain its end. */
  #searched = 0;
  /** How much of the body or chunk is still to come. */
  #left = 0;
  #status = 0;
  #isReusable = false;
  /** Bytes that were received since the response began. */
  #bytes = 0;
  #firstByteAt = 0;
  #receivedAt = 0;

  /** Where to put the next bytes: never empty after {@linkcode take} has asked for more. */
  space(): Uint8Array {
    if (this.#from === this.#to) {
      this.#from = this.#to = 0;
      return this.#buffer;
    }
    if (this.#to === BUFFER_BYTES) {
      this.#buffer.copyWithin(0, this.#from, this.#to);
      this.#to -= this.#from;
      this.#from = 0;
    }
    return this.#buffer.subarray(this.#to);
  }

  /**
   * Takes note of bytes that were put where {@linkcode space} said.
   *
   * @param now when they arrived, by `performance.now()`
   */
  received(count: number, now: number): void {
    if (this.#bytes === 0) this.#firstByteAt = now;
    this.#receivedAt = now;
    this.#bytes += count;
    this.#to += count;
  }

  /**
   * Reads on.
   *
   * @returns the response; undefined if more bytes are needed for it
   * @throws {ConnectionFailure} if the bytes are not an HTTP response
   */
  take(sink?: AnswerSink): Answer | undefined {
    for (;;) {
      switch (this.#phase) {
        case "head":
          if (!this.#takeHead(sink)) return undefined;
          break;
        case "body":
          return this.#takeBody(sink) ? this.#finish(this.#isReusable) : undefined;
        case "chunk size": {
          const line = this.#takeLine();
          if (line === undefined) return undefined;
          this.#left = chunkSize(line);
          this.#phase = this.#left === 0 ? "trailers" : "chunk";
          break;
        }
        case "chunk":
          if (!this.#takeBody(sink)) return undefined;
          this.#phase = "chunk end";
          break;
        case "chunk end": {
          const line = this.#takeLine();
          if (line === undefined) return undefined;
          if (line !== "") throw new ConnectionFailure("a chunk of a response has the wrong length", false);
          this.#phase = "chunk size";
          break;
        }
        case "trailers": {
          const line = this.#takeLine();
          if (line === undefined) return undefined;
          if (line === "") return this.#finish(this.#isReusable);
          break;
        }
        case "end of connection":
          this.#left = this.#to - this.#from;
          this.#takeBody(sink);
          return undefined;
      }
    }
  }

  /** Takes note that the server has closed the connection. @throws {ConnectionFailure} unless this is the end of a response */
  end(): Answer {
    if (this.#phase === "end of connection") return this.#finish(false);
    const before = this.#bytes === 0;
    throw new ConnectionFailure(
      `the server closed the connection ${before ? "without an answer" : "within a response"}`,
      before,
    );
  }

  /** Describes a system's error about the connection, which ends it. */
  failure(cause: unknown): ConnectionFailure {
    return new ConnectionFailure(failureOf(cause), this.#bytes === 0, { cause });
  }

  /** @returns whether the head has arrived */
  #takeHead(sink: AnswerSink | undefined): boolean {
    const from = this.#from;
    const end = endOfHead(this.#buffer, from + this.#searched, this.#to);
    if (end < 0) {
      if (this.#to - from === BUFFER_BYTES) {
        throw new ConnectionFailure(`the head of a response is longer than ${BUFFER_BYTES / 1024} KiB`, false);
      }
      // The end of such a head would never be found, since the server waits for the next request.
      if (hasBareEnd(this.#buffer.subarray(from + this.#searched, this.#to))) {
        throw new ConnectionFailure(
          "the server ends lines with LF alone instead of CR LF, so it does not speak HTTP/1.1",
          false,
        );
      }
      this.#searched = Math.max(0, this.#to - from - 3);
      return false;
    }
    this.#searched = 0;
    this.#from = end + 4;
    this.#status = statusOf(this.#buffer, from);
    if (this.#status === 0) throw new ConnectionFailure("the server does not speak HTTP/1.1", false);
    sink?.head(this.#buffer.subarray(from, end));
    // Interim responses have no body, and the final one follows.
    if (this.#status >= 200) this.#beginBody(framingOf(this.#buffer, from, end), isVersion11(this.#buffer, from));
    return true;
  }

  #beginBody({ length, isChunked, closes, keepsAlive }: Framing, is11: boolean): void {
    this.#isReusable = !closes && (keepsAlive || is11);
    const isEmpty = this.#status === 204 || this.#status === 304;
    this.#left = isEmpty ? 0 : length ?? 0;
    if (isEmpty) this.#phase = "body";
    else if (isChunked) this.#phase = "chunk size";
    else this.#phase = length === undefined ? "end of connection" : "body";
  }

  /** Takes what has arrived of the next `left` bytes. @returns whether this was all */
  #takeBody(sink: AnswerSink | undefined): boolean {
    const end = Math.min(this.#from + this.#left, this.#to);
    if (sink !== undefined && end > this.#from) sink.body(this.#buffer.subarray(this.#from, end));
    this.#left -= end - this.#from;
    this.#from = end;
    return this.#left === 0;
  }

  /** @returns the next line without its end; undefined if it has not arrived */
  #takeLine(): string | undefined {
    const received = this.#buffer.subarray(this.#from, this.#to);
    const end = received.indexOf(LF);
    if (end < 0) {
      if (received.length > MAX_CHUNK_LINE) throw noChunkSize();
      return undefined;
    }
    this.#from += end + 1;
    return latin1(received.subarray(0, end)).replace(/\r$/, "");
  }

  #finish(isReusable: boolean): Answer {
    const surplus = this.#to - this.#from;
    const answer: Answer = {
      status: this.#status,
      bytes: this.#bytes - surplus,
      firstByteAt: this.#firstByteAt,
      // What follows the answer to the only request belongs to none.
      canReuse: isReusable && surplus === 0,
    };
    this.#phase = "head";
    this.#bytes = surplus;
    this.#firstByteAt = this.#receivedAt;
    return answer;
  }
}

/** Whether an empty line that is a LF alone is among these bytes. */
function hasBareEnd(bytes: Uint8Array): boolean {
  return bytes.some((byte, index) => byte === LF && bytes[index + 1] === LF);
}

function chunkSize(line: string): number {
  const digits = /^([\da-f]{1,12})\s*(;|$)/i.exec(line)?.[1];
  if (digits === undefined) throw noChunkSize();
  return parseInt(digits, 16);
}

function noChunkSize(): ConnectionFailure {
  return new ConnectionFailure("a chunk of a response has no length", false);
}
