/** One connection of a load test, which reconnects after a failure. */

import { Backoff } from "../backoff.ts";
import { type Answer, AnswerReader, ConnectionFailure, failureOf } from "../client/answer_reader.ts";
import { close, send, type Stream } from "../client/connection.ts";

/** The shortest and the longest pause after a failure, in ms, which keep a dead server from being flooded. */
const PAUSES = { firstMs: 10, maxMs: 1000 } as const;

/** Sends the same request again and again, one at a time. */
export class Connection {
  /** When its last request ended, by `performance.now()`; 0 before the first. */
  idleSince = 0;
  readonly #open: () => Promise<Stream>;
  readonly #request: Uint8Array;
  #conn: Stream | undefined;
  #reader: AnswerReader | undefined;
  readonly #backoff = new Backoff(PAUSES);
  #failedAt = 0;
  #isClosed = false;

  /** @param open connects to the server */
  constructor(open: () => Promise<Stream>, request: Uint8Array) {
    this.#open = open;
    this.#request = request;
  }

  /**
   * Sends the request and reads the response. If a server closes a connection that has carried requests before it answers, it has
   * closed an idle connection: the request is sent once more on a new one.
   *
   * @param onBody takes the body of the response in pieces, whose memory is reused after the call
   * @throws {ConnectionFailure} if the connection ends before the whole response has arrived
   */
  async exchange(onBody?: (piece: Uint8Array) => void): Promise<Answer> {
    for (let mayRepeat = this.#conn !== undefined;; mayRepeat = false) {
      try {
        return await this.#exchange(onBody);
      } catch (error) {
        this.#drop();
        if (!mayRepeat || this.#isClosed || !(error instanceof ConnectionFailure && error.beforeAnswer)) throw error;
      }
    }
  }

  /** Waits before the next attempt; longer after each failure in a row. */
  async pause(): Promise<void> {
    const ms = this.#backoff.next(performance.now() - this.#failedAt);
    await new Promise((resolve) => setTimeout(resolve, ms));
    this.#failedAt = performance.now();
  }

  /** Closes the connection; a request in flight fails. */
  close(): void {
    this.#isClosed = true;
    this.#drop();
  }

  async #exchange(onBody?: (piece: Uint8Array) => void): Promise<Answer> {
    if (this.#conn === undefined) {
      try {
        this.#conn = await this.#open();
      } catch (cause) {
        throw new ConnectionFailure(failureOf(cause), true, { cause });
      }
      if (this.#isClosed) this.#drop();
      else this.#reader = new AnswerReader(this.#conn);
    }
    if (this.#conn === undefined || this.#reader === undefined) throw new ConnectionFailure("the test has ended", true);
    const sent = send(this.#conn, this.#request);
    const answer = await this.#reader.next(onBody);
    await sent;
    if (!answer.canReuse) this.#drop();
    return answer;
  }

  #drop(): void {
    if (this.#conn !== undefined) close(this.#conn);
    this.#conn = this.#reader = undefined;
  }
}
