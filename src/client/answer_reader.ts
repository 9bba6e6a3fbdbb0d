/** Reads HTTP/1.1 responses (RFC 9112) from a connection, and waits for their bytes. */

import { latin1 } from "../bytes.ts";
import { type Answer, AnswerParser } from "./answer_parser.ts";

/** A response with its head. */
export interface HeadedAnswer extends Answer {
  /** The status line and the header fields, without the empty line after them. */
  readonly head: string;
}

/** Reads one response after another from a connection. */
export class AnswerReader {
  readonly #parser = new AnswerParser();
  readonly #source: { read(buffer: Uint8Array): Promise<number | null> };

  constructor(source: { read(buffer: Uint8Array): Promise<number | null> }) {
    this.#source = source;
  }

  /**
   * Reads the next response to its end.
   *
   * @param onBody called with each piece of the body, whose memory is reused after the call
   * @throws {ConnectionFailure} if the connection ends first, or the bytes are not an HTTP response
   */
  async next(onBody: (piece: Uint8Array) => void = () => {}): Promise<HeadedAnswer> {
    let head = "";
    const sink = { head: (bytes: Uint8Array) => head = latin1(bytes), body: onBody };
    for (;;) {
      const answer = this.#parser.take(sink) ?? await this.#receive();
      if (answer !== undefined) return { ...answer, head };
    }
  }

  /** Receives more bytes. @returns the response that the end of the connection ends */
  async #receive(): Promise<Answer | undefined> {
    let received: number | null;
    try {
      received = await this.#source.read(this.#parser.space());
    } catch (cause) {
      throw this.#parser.failure(cause);
    }
    if (received === null) return this.#parser.end();
    this.#parser.received(received, performance.now());
    return undefined;
  }
}
