/** One connection of a load test, which reconnects after a failure. */

import { Backoff } from "../backoff.ts";
import type { Stream } from "../client/connection.ts";
import { ConnectionFailure, failureOf } from "../client/connection_failure.ts";
import type { Line, OnAnswer } from "./line.ts";
import { Socket } from "./socket.ts";
import { SocketLine } from "./socket_line.ts";
import { StreamLine } from "./stream_line.ts";

/** The shortest and the longest pause after a failure, in ms, which keep a dead server from being flooded. */
const PAUSES = { firstMs: 10, maxMs: 1000 } as const;

/** Connects to the server. */
export type Open = () => Promise<Stream | Socket>;

/** Sends the same request again and again, one at a time. */
export class Connection {
  /** When the request that it carries was due, by `performance.now()`; 0 if it carries none. */
  due = 0;
  /** When its last request ended, by `performance.now()`; 0 before the first. */
  idleSince = 0;
  readonly #open: Open;
  readonly #request: Uint8Array;
  #line: Line | undefined;
  readonly #backoff = new Backoff(PAUSES);
  #failedAt = 0;
  #isClosed = false;

  constructor(open: Open, request: Uint8Array) {
    this.#open = open;
    this.#request = request;
  }

  /**
   * Sends the request, and again after each answer for as long as `onAnswer` returns true. If a server closes a connection that has
   * carried requests before it answers, it has closed an idle connection: the request is sent once more on a new one.
   *
   * @throws {ConnectionFailure} if the connection ends before a whole response has arrived
   */
  async repeat(onAnswer: OnAnswer): Promise<void> {
    for (let isDone = false; !isDone;) {
      const line = this.#line ??= await this.#connect();
      try {
        isDone = await line.run(onAnswer);
      } finally {
        if (!line.isReusable) this.#drop();
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

  async #connect(): Promise<Line> {
    if (!this.#isClosed) {
      let conn: Stream | Socket;
      try {
        conn = await this.#open();
      } catch (cause) {
        throw new ConnectionFailure(failureOf(cause), true, { cause });
      }
      const line = conn instanceof Socket ? new SocketLine(conn, this.#request) : new StreamLine(conn, this.#request);
      // Meanwhile the test may have ended.
      if (!this.#isClosed) return line;
      line.close();
    }
    throw new ConnectionFailure("the test has ended", true);
  }

  #drop(): void {
    this.#line?.close();
    this.#line = undefined;
  }
}
