/** A request whose head was parsed, as its handler sees it. */

import type { RequestTrace } from "../../tracing/types.ts";
import type { Lease } from "../../lease.ts";
import type { BodyBudget } from "./budget.ts";
import { takeBody, takeChunks, tooLarge } from "./body.ts";
import type { Head } from "./head.ts";
import type { Input } from "./input.ts";

/** A request, as far as a handler uses it. */
export interface Incoming {
  readonly head: Head;
  /**
   * Reads the whole body. Call it at most once.
   *
   * @param maxBytes the most that is accepted
   * @param lend lends memory for a body of known length; then {@linkcode lease} is what it has lent
   * @throws {HttpError} 413 as soon as the body is known to be longer; 400 if the body is malformed, or the client disconnects;
   * 503 if the bodies of all requests in flight together exceed their memory limit
   */
  body(maxBytes: number, lend?: Lend): Promise<Uint8Array<ArrayBuffer>>;
  /** The memory that the body is in, if it was lent. The request holds it until {@linkcode endLease}. */
  readonly lease: Lease | undefined;
  /** Ends the use of {@linkcode lease}: the body is not read again. Otherwise it ends when the request is answered. */
  endLease(): void;
  /** Whether the client has disconnected. */
  readonly left: boolean;
  /** The trace of the request, if requests are traced. */
  trace?: RequestTrace | undefined;
  /**
   * Counts memory that the request needs until it is answered, in addition to what {@linkcode body} takes.
   *
   * @throws {HttpError} 503 if all requests in flight together exceed their memory limit
   */
  hold(bytes: number): void;
  /** Calls the listener when the client disconnects before its answer; at once if it already has. */
  onLeave(listener: () => void): void;
}

/** Lends memory for a body of this many bytes, if there is any. */
export type Lend = (length: number) => Lease | undefined;

/** What a request needs of its connection. */
export interface RequestOwner {
  readonly input: Input;
  /** The memory limit for the bodies of all connections. */
  readonly budget: BodyBudget;
  /** Tells the client that it may send the body. */
  sendContinue(): Promise<void>;
  /** Called when the request begins to wait for more of its body. */
  onWait(): void;
  /** Called when the whole body was read. */
  onWhole(): void;
}

/** A request on a connection, as its handler sees it. */
export class IncomingRequest implements Incoming {
  readonly #owner: RequestOwner;
  #asked = false;
  readonly #onLeave: (() => void)[] = [];
  /** Bytes that this request has taken from the budget. */
  #held = 0;
  /** Whether the whole body was read: the bytes after it belong to the next request. */
  whole = false;
  left = false;
  trace: RequestTrace | undefined = undefined;
  lease: Lease | undefined = undefined;

  constructor(readonly head: Head, owner: RequestOwner) {
    this.#owner = owner;
    this.whole = head.length === 0;
  }

  body(maxBytes: number, lend?: Lend): Promise<Uint8Array<ArrayBuffer>> {
    const { length, expectsContinue } = this.head;
    if (length !== undefined && length > maxBytes) return Promise.reject(tooLarge(maxBytes));
    this.#asked = true;
    const { input } = this.#owner;
    if (length === 0) return Promise.resolve(new Uint8Array(0));
    if (length === undefined || length > input.length || expectsContinue) return this.#wait(maxBytes, lend);
    // Nearly all bodies are in the buffer already; an async function would cost each of them time.
    const body = input.take(length);
    this.#end();
    return Promise.resolve(body);
  }

  hold(bytes: number): void {
    this.#owner.budget.take(bytes);
    this.#held += bytes;
  }

  /** Gives the memory back. The connection calls it when the request is answered, or never will be. */
  release(): void {
    this.endLease();
    if (this.#held === 0) return;
    this.#owner.budget.giveBack(this.#held);
    this.#held = 0;
  }

  endLease(): void {
    this.lease?.release();
    this.lease = undefined;
  }

  onLeave(listener: () => void): void {
    if (this.left) listener();
    else this.#onLeave.push(listener);
  }

  /** Calls the listeners of {@linkcode onLeave}: the client has disconnected. */
  leave(): void {
    if (this.left) return;
    this.left = true;
    for (const listener of this.#onLeave) listener();
  }

  /** Whether the body is unread, at most `bytes` long, and sent without waiting for `100 Continue`. */
  isLeftUnder(bytes: number): boolean {
    const { length, expectsContinue } = this.head;
    return !this.#asked && length !== undefined && length <= bytes && !expectsContinue;
  }

  async #wait(maxBytes: number, lend: Lend | undefined): Promise<Uint8Array<ArrayBuffer>> {
    const owner = this.#owner;
    const { length, expectsContinue } = this.head;
    if (expectsContinue) await owner.sendContinue();
    owner.onWait();
    const hold = (bytes: number) => this.hold(bytes);
    let body: Uint8Array<ArrayBuffer>;
    if (length === undefined) body = await takeChunks(owner.input, maxBytes, hold);
    else {
      this.lease = lend?.(length);
      body = await takeBody(owner.input, length, hold, this.lease?.bytes);
    }
    this.#end();
    return body;
  }

  #end(): void {
    this.whole = true;
    this.#owner.onWhole();
  }
}
