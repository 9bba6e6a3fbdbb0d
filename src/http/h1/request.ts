/** A request whose head was parsed, as its handler sees it. */

import type { RequestTrace } from "../../tracing/types.ts";
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
   * @throws {HttpError} 413 as soon as the body is known to be longer; 400 if the body is malformed, or the client disconnects;
   * 503 if the bodies of all requests in flight together exceed their memory limit
   */
  body(maxBytes: number): Promise<Uint8Array<ArrayBuffer>>;
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

  constructor(readonly head: Head, owner: RequestOwner) {
    this.#owner = owner;
    this.whole = head.length === 0;
  }

  body(maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const { length, expectsContinue } = this.head;
    if (length !== undefined && length > maxBytes) return Promise.reject(tooLarge(maxBytes));
    this.#asked = true;
    const { input } = this.#owner;
    if (length === 0) return Promise.resolve(new Uint8Array(0));
    if (length === undefined || length > input.length || expectsContinue) return this.#wait(maxBytes);
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
    if (this.#held === 0) return;
    this.#owner.budget.giveBack(this.#held);
    this.#held = 0;
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

  async #wait(maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const owner = this.#owner;
    const { length, expectsContinue } = this.head;
    if (expectsContinue) await owner.sendContinue();
    owner.onWait();
    const hold = (bytes: number) => this.hold(bytes);
    const body = length === undefined
      ? await takeChunks(owner.input, maxBytes, hold)
      : await takeBody(owner.input, length, hold);
    this.#end();
    return body;
  }

  #end(): void {
    this.whole = true;
    this.#owner.onWhole();
  }
}
