/**
 * A connection that uses no promise between two requests: after an event of the kernel, the next request is on its way before another
 * connection has its turn. With promises, all answers that have arrived would be received before the first request is sent, while the
 * server has nothing to do.
 */

import { type Answer, AnswerParser } from "../client/answer_parser.ts";
import { ConnectionFailure } from "../client/connection_failure.ts";
import type { Line, OnAnswer } from "./line.ts";
import type { Socket } from "./socket.ts";

/** How often a connection may read in a row before the others have their turn. */
const MAX_READS = 16;

/** A socket, as far as requests need it. */
type Carrier = Pick<Socket, "read" | "write" | "listen" | "postpone" | "close">;

/** Sends requests over a socket. */
export class SocketLine implements Line {
  isReusable = true;
  readonly #socket: Carrier;
  readonly #request: Uint8Array;
  readonly #parser = new AnswerParser();
  /** How much of the request has been sent. */
  #sent = 0;
  #isFirst = true;

  constructor(socket: Carrier, request: Uint8Array) {
    this.#socket = socket;
    this.#request = request;
  }

  run(onAnswer: OnAnswer): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const step = () => {
        try {
          const isDone = this.#step(onAnswer);
          if (isDone || !this.isReusable) this.#finish(() => resolve(isDone));
        } catch (error) {
          this.isReusable = false;
          // A server may close a connection between two requests.
          const isIdle = !this.#isFirst && error instanceof ConnectionFailure && error.beforeAnswer;
          this.#finish(() => isIdle ? resolve(false) : reject(error));
        }
      };
      this.#socket.listen(step);
      step();
    });
  }

  close(): void {
    this.#socket.close();
  }

  #finish(settle: () => void): void {
    this.#socket.listen(undefined);
    settle();
  }

  /** Does what is possible until the next event. @returns whether `onAnswer` returned false */
  #step(onAnswer: OnAnswer): boolean {
    for (let reads = 0; reads < MAX_READS; reads++) {
      if (this.#sent < this.#request.length) this.#send();
      const count = this.#receive();
      if (count < 0) return false;
      const now = performance.now();
      const answer = this.#take(count, now);
      if (answer === undefined) continue;
      // A server that answers before it has the whole request may not read the rest.
      this.isReusable = answer.canReuse && this.#sent === this.#request.length;
      this.#isFirst = false;
      this.#sent = 0;
      if (!onAnswer(answer, now)) return true;
      if (!this.isReusable) return false;
    }
    this.#socket.postpone();
    return false;
  }

  #take(count: number, now: number): Answer | undefined {
    if (count === 0) return this.#parser.end();
    this.#parser.received(count, now);
    return this.#parser.take();
  }

  #send(): void {
    try {
      const sent = this.#socket.write(this.#sent === 0 ? this.#request : this.#request.subarray(this.#sent));
      if (sent > 0) this.#sent += sent;
    } catch {
      // What is read next is either the answer of a server that refused the rest, or the end of the connection.
      this.#sent = this.#request.length;
    }
  }

  #receive(): number {
    try {
      return this.#socket.read(this.#parser.space());
    } catch (cause) {
      throw this.#parser.failure(cause);
    }
  }
}
