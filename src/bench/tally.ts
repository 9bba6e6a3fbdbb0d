/** The counts of a load test. */

import type { Answer } from "../client/answer_parser.ts";
import { Histogram } from "./histogram.ts";

/** Counts answers by status, failures by reason, and the times they took. */
export class Tally {
  /** Times from when a request was due until the first byte of its response arrived. */
  readonly firstByte = new Histogram();
  /** For each status, the times from when a request was due until its whole response arrived. */
  readonly statuses = new Map<number, Histogram>();
  readonly failures = new Map<string, number>();
  bytesReceived = 0;
  /** How long requests waited that had no response when the test ended. */
  readonly #waited = new Histogram();

  /** The times of answers with status 200 to 299, and of requests without an answer: summed up at each call. */
  get latency(): Histogram {
    const sum = new Histogram();
    sum.add(this.#waited);
    for (const [status, times] of this.statuses) if (isSuccess(status)) sum.add(times);
    return sum;
  }

  /** Requests without a response when the test ended. */
  get unanswered(): number {
    return this.#waited.count;
  }

  /** All requests that were answered, with any status. */
  get answered(): number {
    let sum = 0;
    for (const { count } of this.statuses.values()) sum += count;
    return sum;
  }

  /** Requests whose connection failed. */
  get failed(): number {
    let sum = 0;
    for (const count of this.failures.values()) sum += count;
    return sum;
  }

  /** Requests that were answered with a status from 200 to 299. */
  get succeeded(): number {
    let sum = 0;
    for (const [status, { count }] of this.statuses) if (isSuccess(status)) sum += count;
    return sum;
  }

  /**
   * Counts an answer.
   *
   * @param since when the request was due, by `performance.now()`
   * @param now when its whole response had arrived
   */
  answer(answer: Answer, since: number, now: number): void {
    let times = this.statuses.get(answer.status);
    if (times === undefined) this.statuses.set(answer.status, times = new Histogram());
    times.record(now - since);
    this.bytesReceived += answer.bytes;
    if (!isSuccess(answer.status)) return;
    this.firstByte.record(answer.firstByteAt - since);
  }

  /** Counts a request whose connection failed. */
  failure(reason: string): void {
    this.failures.set(reason, (this.failures.get(reason) ?? 0) + 1);
  }

  /** Counts a request that got no response by the end of the test. Its time so far counts as its latency: otherwise the result would hide a server that hangs. */
  leftUnanswered(since: number, now: number): void {
    this.#waited.record(now - since);
  }
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}
