/** An answer in parts, between the worker that sends them and the client that takes them. */

import type { Failure } from "./failure.ts";

/** Parts that a worker may send before any was taken; see `_bridge/parts.py`. */
export const FIRST_CREDIT = 16;

/** How the worker is told. */
export interface PartStreamEvents {
  /** The client took so many parts more. */
  readonly onTaken: (parts: number) => void;
  /** The client has left. */
  readonly onGone: () => void;
}

/** Parts are put in by the worker and taken by the client, in their order. */
export class PartStream {
  readonly #events: PartStreamEvents;
  readonly #parts: Uint8Array<ArrayBuffer>[] = [];
  #end: "open" | "ended" | Failure = "open";
  #gone = false;
  #taken = 0;
  #received = 0;
  /** Parts that the worker may send, ever. */
  #allowed = FIRST_CREDIT;
  #takenAt = 0;
  #wake: (() => void) | undefined;

  constructor(events: PartStreamEvents) {
    this.#events = events;
  }

  /** How many parts have come from the worker. */
  get received(): number {
    return this.#received;
  }

  /** Whether the worker waits until the client has taken parts. */
  get starved(): boolean {
    return this.#end === "open" && !this.#gone && this.#received >= this.#allowed;
  }

  /** When the client took a part last, or all that came were taken; in ms of `performance.now()`. */
  get takenAt(): number {
    return this.#takenAt;
  }

  /** Adds a part. */
  push(part: Uint8Array<ArrayBuffer>): void {
    this.#received++;
    if (this.#gone || this.#end !== "open") return;
    if (this.#parts.length === 0) this.#takenAt = performance.now();
    this.#parts.push(part);
    this.#wake?.();
  }

  /** Says that no part follows. */
  end(): void {
    if (this.#end === "open") this.#end = "ended";
    this.#wake?.();
  }

  /** Says that no part follows, since something went wrong. */
  fail(outcome: Failure): void {
    if (this.#end === "open") this.#end = outcome;
    this.#wake?.();
  }

  /** Drops what is there, and says what went wrong. */
  giveUp(outcome: Failure): void {
    this.#parts.length = 0;
    this.fail(outcome);
  }

  /** The next part; undefined behind the last one, and what went wrong if something did. */
  async next(): Promise<Uint8Array<ArrayBuffer> | Failure | undefined> {
    while (true) {
      const part = this.#parts.shift();
      if (part !== undefined) {
        this.#takenAt = performance.now();
        this.#countTaken();
        return part;
      }
      if (this.#gone) return undefined;
      if (this.#end !== "open") return this.#end === "ended" ? undefined : this.#end;
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = undefined;
    }
  }

  /** Says that the client has left. */
  leave(): void {
    this.#gone = true;
    this.#parts.length = 0;
    this.#wake?.();
    if (this.#end === "open") this.#events.onGone();
  }

  /** Told in halves of the credit, so that a worker seldom waits, and is seldom told. */
  #countTaken(): void {
    this.#taken++;
    if (this.#taken < FIRST_CREDIT / 2 || this.#end !== "open") return;
    const taken = this.#taken;
    this.#taken = 0;
    this.#allowed += taken;
    this.#events.onTaken(taken);
  }
}
