/** Passes an answer in parts from the worker that sends them to the client that reads them. */

import type { Failure } from "./failure.ts";

/** How many parts a worker may send before the client has read any; `_bridge/parts.py` has the same number. */
export const FIRST_CREDIT = 16;

/** Callbacks through which a {@linkcode PartStream} reports the client's progress to the worker. */
export interface PartStreamEvents {
  /** Called when the client has read `parts` more parts. */
  readonly onTaken: (parts: number) => void;
  /** Called once when the client has disconnected. */
  readonly onGone: () => void;
}

/** A queue of parts with flow control: the worker pushes them, and the client takes them in the same order. */
export class PartStream {
  readonly #events: PartStreamEvents;
  readonly #parts: Uint8Array<ArrayBuffer>[] = [];
  #end: "open" | "ended" | Failure = "open";
  #gone = false;
  #taken = 0;
  #received = 0;
  /** How many parts the worker may send in total. */
  #allowed = FIRST_CREDIT;
  #takenAt = 0;
  #wake: (() => void) | undefined;

  constructor(events: PartStreamEvents) {
    this.#events = events;
  }

  /** How many parts the worker has sent. */
  get received(): number {
    return this.#received;
  }

  /** Whether the worker has used its credit and waits for the client to read. */
  get starved(): boolean {
    return this.#end === "open" && !this.#gone && this.#received >= this.#allowed;
  }

  /** When the client last took a part, or a part arrived after it had taken all, in ms of `performance.now()`. */
  get takenAt(): number {
    return this.#takenAt;
  }

  /** Adds a part at the end. */
  push(part: Uint8Array<ArrayBuffer>): void {
    this.#received++;
    if (this.#gone || this.#end !== "open") return;
    if (this.#parts.length === 0) this.#takenAt = performance.now();
    this.#parts.push(part);
    this.#wake?.();
  }

  /** Marks the end: no part follows. */
  end(): void {
    if (this.#end === "open") this.#end = "ended";
    this.#wake?.();
  }

  /** Ends the stream with a failure, which the client gets after the parts already here. */
  fail(outcome: Failure): void {
    if (this.#end === "open") this.#end = outcome;
    this.#wake?.();
  }

  /** Ends the stream with a failure, and drops the parts that the client has not read. */
  giveUp(outcome: Failure): void {
    this.#parts.length = 0;
    this.fail(outcome);
  }

  /** Waits for the next part. Returns undefined after the last one, or the failure that ended the stream. */
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

  /** Records that the client has disconnected. */
  leave(): void {
    this.#gone = true;
    this.#parts.length = 0;
    this.#wake?.();
    if (this.#end === "open") this.#events.onGone();
  }

  /** Reports progress after each half of the credit: the worker seldom has to wait, and seldom gets a message. */
  #countTaken(): void {
    this.#taken++;
    if (this.#taken < FIRST_CREDIT / 2 || this.#end !== "open") return;
    const taken = this.#taken;
    this.#taken = 0;
    this.#allowed += taken;
    this.#events.onTaken(taken);
  }
}
