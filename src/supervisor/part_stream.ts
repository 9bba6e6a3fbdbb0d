/** Passes an answer in parts from the worker that sends them to the client that reads them. */

import type { Failure } from "./failure.ts";

/** How many parts a worker may send before the client has read any; `_bridge/parts.py` has the same number. */
export const FIRST_CREDIT = 16;

/**
 * How many bytes of parts are taken together at most, unless one part alone is longer. A client that reads slowly is sent large parts one
 * by one, and the worker gets credit for each only when the one before was sent.
 */
const MAX_TAKEN = 32 * 1024;

/** Parts that are taken together; undefined after the last one, or the failure that ended the stream. */
export type Taken = readonly Uint8Array<ArrayBuffer>[] | Failure | undefined;

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
  #parts: Uint8Array<ArrayBuffer>[] = [];
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

  /** Whether the worker has sent the end, and all parts were taken. */
  get finished(): boolean {
    return this.#end === "ended" && this.#parts.length === 0;
  }

  /** Adds a part at the end. @param now of `performance.now()` */
  push(part: Uint8Array<ArrayBuffer>, now = performance.now()): void {
    this.#received++;
    if (this.#gone || this.#end !== "open") return;
    if (this.#parts.length === 0) this.#takenAt = now;
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
    if (!this.#ready) await this.#wait();
    const taken = this.#take(1);
    return taken instanceof Array ? taken[0] : taken;
  }

  /**
   * Returns the parts that have arrived, up to 32 KiB. If no part has arrived, waits for the next one. Returns undefined after the last
   * one, or the failure that ended the stream.
   */
  take(): Taken | Promise<Taken> {
    return this.#ready ? this.#take(Infinity) : this.#wait().then(this.#takeAll);
  }

  readonly #takeAll = (): Taken => this.#take(Infinity);

  /** Whether there is something to take. */
  get #ready(): boolean {
    return this.#parts.length > 0 || this.#end !== "open" || this.#gone;
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => this.#wake = resolve);
  }

  #take(most: number): Taken {
    const parts = this.#parts;
    if (parts.length === 0) return this.#gone || typeof this.#end === "string" ? undefined : this.#end;
    let count = 1;
    let bytes = parts[0]!.length;
    while (count < most && count < parts.length && (bytes += parts[count]!.length) <= MAX_TAKEN) count++;
    this.#parts = parts.splice(count);
    this.#takenAt = performance.now();
    this.#countTaken(count);
    return parts;
  }

  /** Records that the client has disconnected. */
  leave(): void {
    this.#gone = true;
    this.#parts.length = 0;
    this.#wake?.();
    if (this.#end === "open") this.#events.onGone();
  }

  /** Reports progress after each half of the credit: the worker seldom has to wait, and seldom gets a message. */
  #countTaken(count: number): void {
    this.#taken += count;
    if (this.#taken < FIRST_CREDIT / 2 || this.#end !== "open") return;
    const taken = this.#taken;
    this.#taken = 0;
    this.#allowed += taken;
    this.#events.onTaken(taken);
  }
}
