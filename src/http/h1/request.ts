/** A request whose head has come, as its handler sees it. */

import type { BodyBudget } from "./budget.ts";
import { takeBody, takeChunks, tooLarge } from "./body.ts";
import type { Head } from "./head.ts";
import type { Input } from "./input.ts";

/** What a handler needs of a request. */
export interface Incoming {
  readonly head: Head;
  /**
   * All of the body; to be asked for once.
   *
   * @param maxBytes the most that is accepted
   * @throws {HttpError} 413 if there are more, as soon as that is known; 400 if the body is damaged, or the client goes away;
   * 503 if the bodies of all requests in flight take too much memory together
   */
  body(maxBytes: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Whether the client has left. */
  readonly left: boolean;
  /**
   * Counts memory that is taken for the request until it has its answer, beside what {@linkcode body} takes.
   *
   * @throws {HttpError} 503 if all requests in flight take too much together
   */
  hold(bytes: number): void;
  /** Has a listener called when the client leaves before it has its answer; at once if it has left already. */
  onLeave(listener: () => void): void;
}

/** What a request needs of its connection. */
export interface RequestOwner {
  readonly input: Input;
  /** What the bodies of all connections may take. */
  readonly budget: BodyBudget;
  /** Tells the client that it may send the body. */
  sendContinue(): Promise<void>;
  /** More of the body is waited for. */
  onWait(): void;
  /** All of the body has come. */
  onWhole(): void;
}

/** One of a connection. */
export class IncomingRequest implements Incoming {
  readonly #owner: RequestOwner;
  #asked = false;
  readonly #onLeave: (() => void)[] = [];
  /** Bytes of the budget that it has. */
  #held = 0;
  /** Whether all of the body was taken: what comes then is another request. */
  whole = false;
  left = false;

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
    // Nearly all requests come at once: no async function for them.
    const body = input.take(length);
    this.#end();
    return Promise.resolve(body);
  }

  hold(bytes: number): void {
    this.#owner.budget.take(bytes);
    this.#held += bytes;
  }

  /** It has its answer, or never will. */
  release(): void {
    if (this.#held === 0) return;
    this.#owner.budget.giveBack(this.#held);
    this.#held = 0;
  }

  onLeave(listener: () => void): void {
    if (this.left) listener();
    else this.#onLeave.push(listener);
  }

  /** The client has left. */
  leave(): void {
    if (this.left) return;
    this.left = true;
    for (const listener of this.#onLeave) listener();
  }

  /** Whether a body that nobody has asked for is not longer than this, and will come. */
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
