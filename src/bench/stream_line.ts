/** A connection of Deno, which waits with promises: TLS, a fixed rate, and systems without glibc need it. */

import { AnswerReader } from "../client/answer_reader.ts";
import { close, send, type Stream } from "../client/connection.ts";
import { ConnectionFailure } from "../client/connection_failure.ts";
import type { Line, OnAnswer } from "./line.ts";

/** Sends requests over a stream. */
export class StreamLine implements Line {
  isReusable = true;
  readonly #stream: Stream;
  readonly #request: Uint8Array;
  readonly #reader: AnswerReader;
  #isFirst = true;

  constructor(stream: Stream, request: Uint8Array) {
    this.#stream = stream;
    this.#request = request;
    this.#reader = new AnswerReader(stream);
  }

  async run(onAnswer: OnAnswer): Promise<boolean> {
    while (this.isReusable) {
      try {
        const sent = send(this.#stream, this.#request);
        const answer = await this.#reader.next();
        await sent;
        this.isReusable = answer.canReuse;
        this.#isFirst = false;
        if (!onAnswer(answer, performance.now())) return true;
      } catch (error) {
        this.isReusable = false;
        // A server may close a connection between two requests.
        if (this.#isFirst || !(error instanceof ConnectionFailure && error.beforeAnswer)) throw error;
      }
    }
    return false;
  }

  close(): void {
    close(this.#stream);
  }
}
