/** Puts a server under load: as many requests as its connections carry (closed loop), or a fixed rate (open loop). */

import { ConnectionFailure } from "../client/connection_failure.ts";
import { withLimit } from "../with_limit.ts";
import { Connection, type Open } from "./connection.ts";
import { Histogram } from "./histogram.ts";
import { Tally } from "./tally.ts";

/** How long the server may take after the end to answer requests that were due before it, in ms. */
export const GRACE_MS = 10_000;

/** How much load to apply, and for how long. */
export interface LoadOptions {
  readonly connections: number;
  readonly durationMs: number;
  /**
   * How many requests per second are due, whether or not earlier ones were answered. Without a rate, each connection sends its next
   * request when the previous one was answered.
   */
  readonly rate?: number | undefined;
}

/** One load test of one server. It can run once. */
export class Load {
  /** The outcomes of the requests so far. */
  readonly tally = new Tally();
  /** How late requests were sent although a connection was free, in ms: the client's own delay. It is empty without a rate. */
  readonly lateness = new Histogram();
  /** Whether {@linkcode stop} was called. */
  isStopped = false;
  readonly #options: LoadOptions;
  readonly #connections: readonly Connection[];
  readonly #graceMs: number;
  readonly #stopped = Promise.withResolvers<void>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #started = 0;
  #end = Infinity;
  #sent = 0;
  #isOver = false;

  /** @param open connects to the server */
  constructor(open: Open, request: Uint8Array, options: LoadOptions, graceMs = GRACE_MS) {
    this.#options = options;
    this.#graceMs = graceMs;
    this.#connections = Array.from({ length: options.connections }, () => new Connection(open, request));
  }

  /** How many requests were sent so far. */
  get sent(): number {
    return this.#sent;
  }

  /** How long the test has run, in ms, without the time after its end that answers may take. */
  get elapsedMs(): number {
    return Math.min(performance.now(), this.#end) - this.#started;
  }

  /**
   * Runs the test. At its end it waits for what is still unanswered, but only for a limited time.
   *
   * @returns how many requests had been answered when the test's time was over
   */
  async run(): Promise<number> {
    this.#started = performance.now();
    this.#end = this.#started + this.#options.durationMs;
    const arrivals = this.#options.rate === undefined ? undefined : new Arrivals(this.#started, this.#options.rate);
    const work = arrivals === undefined ? this.#closedLoop() : this.#openLoop(arrivals);
    const ended = Promise.race([work, this.#stopped.promise]);
    try {
      await withLimit(ended, this.#options.durationMs);
      this.#end = Math.min(this.#end, performance.now());
      const answered = this.tally.answered;
      // Rethrow an error of the senders.
      if (await withLimit(ended, this.#graceMs)) await ended;
      return answered;
    } finally {
      this.#close(arrivals);
    }
  }

  /** Ends the test now. */
  stop(): void {
    this.isStopped = true;
    this.#stopped.resolve();
  }

  async #closedLoop(): Promise<void> {
    await Promise.all(this.#connections.map(async (connection) => {
      const isTime = (now: number) => now < this.#end;
      for (let now = performance.now(); !this.#isOver && isTime(now); now = performance.now()) {
        if (!await this.#ask(connection, now, isTime) && !this.#isOver) await connection.pause();
      }
    }));
  }

  #openLoop(arrivals: Arrivals): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // Take the most recently used connection first, since servers close connections that are idle for long.
    const idle = [...this.#connections];
    const pump = () => {
      clearTimeout(this.#timer);
      const now = performance.now();
      while (!this.#isOver && idle.length > 0 && arrivals.next <= Math.min(now, this.#end)) {
        // The first connection has been idle the longest.
        const wasFree = idle[0]!.idleSince <= arrivals.next;
        if (wasFree) this.lateness.record(now - arrivals.next);
        // A request that waited for a free connection has waited for the server. Otherwise it has waited for this program.
        send(idle.pop()!, wasFree ? now : arrivals.next).catch(reject);
        arrivals.advance();
      }
      if (this.#isOver || (arrivals.next > this.#end && idle.length === this.#connections.length)) resolve();
      else if (idle.length > 0) {
        this.#timer = setTimeout(pump, Math.max(0, Math.min(arrivals.next, this.#end + 1) - now));
      }
    };
    const send = async (connection: Connection, due: number) => {
      if (!await this.#ask(connection, due) && !this.#isOver) await connection.pause();
      connection.idleSince = performance.now();
      idle.push(connection);
      pump();
    };
    pump();
    return promise;
  }

  /**
   * Sends a request and counts its outcome. After an answer, it sends another one for as long as `goesOn` returns true.
   *
   * @param due when the first request was due; the others are due when the one before has been answered
   * @returns whether all were answered
   */
  async #ask(connection: Connection, due: number, goesOn = (_now: number) => false): Promise<boolean> {
    connection.due = due;
    this.#sent++;
    try {
      await connection.repeat((answer, now) => {
        if (this.#isOver) return false;
        this.tally.answer(answer, connection.due, now);
        connection.due = 0;
        if (!goesOn(now)) return false;
        connection.due = now;
        this.#sent++;
        return true;
      });
      return !this.#isOver;
    } catch (error) {
      if (!(error instanceof ConnectionFailure)) throw error;
      if (!this.#isOver) this.tally.failure(error.message);
      return false;
    } finally {
      connection.due = 0;
    }
  }

  /** Closes all connections. Due requests without an answer count as unanswered, even those that were never sent. */
  #close(arrivals: Arrivals | undefined): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    const now = performance.now();
    for (const { due } of this.#connections) if (due > 0) this.tally.leftUnanswered(due, now);
    for (; arrivals !== undefined && arrivals.next <= this.#end; arrivals.advance()) {
      this.tally.leftUnanswered(arrivals.next, now);
    }
    for (const connection of this.#connections) connection.close();
  }
}

/** The times at which requests are due, at equal intervals. */
class Arrivals {
  /** When the next request is due, by `performance.now()`. */
  next: number;
  readonly #started: number;
  readonly #rate: number;
  #count = 0;

  constructor(started: number, rate: number) {
    this.#started = this.next = started;
    this.#rate = rate;
  }

  advance(): void {
    // Adding up intervals would accumulate rounding errors.
    this.next = this.#started + ++this.#count * 1000 / this.#rate;
  }
}
