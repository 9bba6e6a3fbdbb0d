/**
 * Measures how long a worker's requests take, and reports those that take too long.
 *
 * 1. For a worker that executes one request after the other, the time starts with its first request, and again with each answer. If
 *    several are executed at once, each request has its own time.
 * 2. For an answer in parts, the time starts again with each part.
 * 3. While the worker waits for a client to read, the client's time runs. A slow client loses its stream, and the worker goes on.
 * 4. Time in which our own process did not run does not count.
 */

import type { InFlight } from "./in_flight.ts";
import type { PartStream } from "./part_stream.ts";

/** A timer that fires LATE_MS late shows that our process did not run. It gets AGAIN_MS to read the answers that wait. Both in ms. */
const LATE_MS = 50;
const AGAIN_MS = 50;

/** Options of an {@linkcode ExecutionClock}. */
export interface ExecutionClockOptions {
  /** Time limit for executing a request, or between two parts of its answer, in ms; undefined for no limit. */
  readonly limitMs: number | undefined;
  readonly inFlight: InFlight;
  /** Whether the worker executes several requests at once. */
  readonly concurrent: boolean;
  /** The streams of answers in parts, by request id. */
  readonly streams: ReadonlyMap<number, PartStream>;
  /** Called to end one stream: its client reads too slowly, or, among concurrent requests, its execution takes too long. */
  readonly onSlowStream: (id: number, stream: PartStream) => void;
  /** Called when requests take too long and the worker must end. The set is empty if the worker executes one request at a time. */
  readonly onOverrun: (ids: ReadonlySet<number>) => void;
}

/** Measures the requests of one worker, and reports those that take too long. */
export class ExecutionClock {
  readonly #options: ExecutionClockOptions;
  /** When the worker got its first job, or last made progress, in ms of `performance.now()`. */
  #busySince = 0;
  /** The request whose client the worker waits for; 0 if there is none. */
  #waitsFor = 0;
  /** Streams that we have ended, but the worker has not. */
  readonly #ended = new WeakSet<PartStream>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ExecutionClockOptions) {
    this.#options = options;
  }

  /** When the worker got its first job, or last made progress, in ms of `performance.now()`. Used to measure service times. */
  get busySince(): number {
    return this.#busySince;
  }

  /** Records that a request was dispatched. @param first whether the worker had none before */
  dispatched(first: boolean, now: number): void {
    if (first) this.#busySince = now;
    if (this.#timer === undefined && this.#options.limitMs !== undefined) this.#watch(this.#options.limitMs);
  }

  /** Records that the worker has answered. */
  answered(now: number): void {
    this.#busySince = now;
    this.#waitsFor = 0;
  }

  /** Starts a request's time again, after a part or more credit. @param waits whether the worker now waits for the client */
  restart(id: number, now: number, waits = false): void {
    this.#busySince = now;
    this.#waitsFor = waits ? id : 0;
    this.#options.inFlight.restart(id, waits ? Infinity : now);
  }

  /** Stops the timer. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #watch(limitMs: number): void {
    const now = performance.now();
    const due = Math.min(this.#since(), ...this.#starved().map(([, { takenAt }]) => takenAt)) + limitMs;
    // A stream may begin to wait for its client before that.
    this.#look(limitMs, Math.max(1, Math.min(due - now, limitMs)));
  }

  #look(limitMs: number, ms: number, again = false): void {
    const at = performance.now() + ms;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#options.inFlight.size === 0) return;
      if (!again && performance.now() - at > LATE_MS) this.#look(limitMs, AGAIN_MS, true);
      else if (!this.#findSlow(limitMs, performance.now() - limitMs)) this.#watch(limitMs);
    }, ms);
  }

  /** @returns whether any request takes too long, which ends the worker */
  #findSlow(limitMs: number, time: number): boolean {
    for (const [id, stream] of this.#starved()) if (stream.takenAt <= time) this.#end(id, stream, time + limitMs);
    if (this.#since() > time) return false;
    const { concurrent, inFlight, streams, onOverrun } = this.#options;
    if (!concurrent) {
      onOverrun(new Set());
      return true;
    }
    const slow = inFlight.since(time).filter((id) => {
      const stream = streams.get(id);
      if (stream === undefined || this.#ended.has(stream)) return true;
      this.#end(id, stream, time + limitMs);
      return false;
    });
    if (slow.length > 0) onOverrun(new Set(slow));
    return slow.length > 0;
  }

  /** Ends a stream. The worker has the same limit again to finish it. */
  #end(id: number, stream: PartStream, now: number): void {
    this.#ended.add(stream);
    this.restart(id, now);
    this.#options.onSlowStream(id, stream);
  }

  #since(): number {
    if (this.#options.concurrent) return this.#options.inFlight.oldest();
    return this.#waitsFor === 0 ? this.#busySince : Infinity;
  }

  #starved(): [number, PartStream][] {
    return [...this.#options.streams].filter(([, stream]) => stream.starved);
  }
}
