/**
 * Times the execution of a worker's requests, and says which of them takes too long.
 *
 * 1. A worker that executes one request after the other is at work since it has something to do, or has answered last. Where several
 *    are executed at once, each has a time of its own.
 * 2. The time of an answer in parts begins anew with each part.
 * 3. Time in which the worker waits for a client is the client's: such a stream is ended, and its worker goes on.
 * 4. Time in which this process did not run is nobody's.
 */

import type { InFlight } from "./in_flight.ts";
import type { PartStream } from "./part_stream.ts";

/** When a timer fires so late, this process did not run. What the worker has answered meanwhile is read, for so long; in ms. */
const LATE_MS = 50;
const AGAIN_MS = 50;

/** Whose time is taken, and what is done about it. */
export interface ExecutionClockOptions {
  /** For the execution of a request, or between two parts of its answer, in ms; undefined if there is no limit. */
  readonly limitMs: number | undefined;
  readonly inFlight: () => InFlight;
  /** Whether several requests are executed at once. */
  readonly concurrent: () => boolean;
  /** Of the requests whose answers come in parts, by their ids. */
  readonly streams: ReadonlyMap<number, PartStream>;
  /** The client of an answer in parts, or one of several that are executed at once, takes too long. */
  readonly onSlowStream: (id: number, stream: PartStream) => void;
  /** These requests take too long. */
  readonly onOverrun: (ids: ReadonlySet<number>) => void;
}

/** Times what one worker executes, and tells which requests have taken too long. */
export class ExecutionClock {
  readonly #options: ExecutionClockOptions;
  /** Since when the worker has had something to do, or has answered last, in ms. */
  #busySince = 0;
  /** The one whose client the worker waits for, if it executes one after the other; 0 if there is none. */
  #waitsFor = 0;
  /** Streams that were ended, and have not come to their end. */
  readonly #ended = new WeakSet<PartStream>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ExecutionClockOptions) {
    this.#options = options;
  }

  /** Since when the worker has had something to do, or has answered last, in ms of `performance.now()`. */
  get busySince(): number {
    return this.#busySince;
  }

  /** A request was dispatched. @param first whether there was none before */
  dispatched(first: boolean, now: number): void {
    if (first) this.#busySince = now;
    if (this.#timer === undefined && this.#options.limitMs !== undefined) this.#watch(this.#options.limitMs);
  }

  /** The worker has answered. */
  answered(now: number): void {
    this.#busySince = now;
    this.#waitsFor = 0;
  }

  /** A part of a request's answer has come, or the worker may go on with it. @param waits whether it waits for the client */
  restart(id: number, now: number, waits = false): void {
    this.#busySince = now;
    this.#waitsFor = waits ? id : 0;
    this.#options.inFlight().restart(id, waits ? Infinity : now);
  }

  /** Looks no more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #watch(limitMs: number): void {
    const now = performance.now();
    const due = Math.min(this.#since(), ...this.#starved().map(([, { takenAt }]) => takenAt)) + limitMs;
    // A stream may begin to wait before that.
    this.#look(limitMs, Math.max(1, Math.min(due - now, limitMs)));
  }

  #look(limitMs: number, ms: number, again = false): void {
    const at = performance.now() + ms;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#options.inFlight().size === 0) return;
      if (!again && performance.now() - at > LATE_MS) this.#look(limitMs, AGAIN_MS, true);
      else if (!this.#findSlow(limitMs, performance.now() - limitMs)) this.#watch(limitMs);
    }, ms);
  }

  /** @returns whether requests take too long, which ends the worker */
  #findSlow(limitMs: number, time: number): boolean {
    for (const [id, stream] of this.#starved()) if (stream.takenAt <= time) this.#end(id, stream, time + limitMs);
    if (this.#since() > time) return false;
    const { concurrent, inFlight, streams, onOverrun } = this.#options;
    if (!concurrent()) {
      onOverrun(new Set());
      return true;
    }
    const slow = inFlight().since(time).filter((id) => {
      const stream = streams.get(id);
      if (stream === undefined || this.#ended.has(stream)) return true;
      this.#end(id, stream, time + limitMs);
      return false;
    });
    if (slow.length > 0) onOverrun(new Set(slow));
    return slow.length > 0;
  }

  /** Gives the worker as long again to end it. */
  #end(id: number, stream: PartStream, now: number): void {
    this.#ended.add(stream);
    this.restart(id, now);
    this.#options.onSlowStream(id, stream);
  }

  #since(): number {
    if (this.#options.concurrent()) return this.#options.inFlight().oldest();
    return this.#waitsFor === 0 ? this.#busySince : Infinity;
  }

  #starved(): [number, PartStream][] {
    return [...this.#options.streams].filter(([, stream]) => stream.starved);
  }
}
