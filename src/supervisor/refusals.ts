/**
 * Logs the requests that no worker could take: the first at once, and those that follow as a number, since a server that is
 * overloaded refuses thousands a second.
 */

import { getLogger } from "@logtape/logtape";
import { requestOf } from "./script_failure.ts";
import type { Job } from "./job.ts";

const log = getLogger(["aimodellib", "supervisor"]);

/** Between two records of one cause, in ms. */
const PERIOD_MS = 10_000;

/** Why a request was refused, as a message says it. */
const REASONS = {
  full: "the queue is full (--queue-size {limit})",
  timeout: "no worker was free in time (--queue-timeout {limit})",
} as const;

/** Logs the requests that one pool refuses, a few records at most in each period. */
export class Refusals {
  readonly #about: Readonly<Record<string, unknown>>;
  readonly #limits: Readonly<Record<keyof typeof REASONS, number>>;
  /** How many there were since the last record, by causes that had one less than a period ago. */
  readonly #counts = new Map<keyof typeof REASONS, number>();
  #timer: ReturnType<typeof setInterval> | undefined;

  /**
   * @param model the model that they are for, if there are others
   * @param limits what the options say: a number of requests, and seconds
   */
  constructor(model: string | undefined, limits: Readonly<Record<keyof typeof REASONS, number>>) {
    this.#about = model === undefined ? {} : { model };
    this.#limits = limits;
  }

  /** A request was refused. */
  add(cause: keyof typeof REASONS, job: Job): void {
    const count = this.#counts.get(cause);
    if (count !== undefined) {
      this.#counts.set(cause, count + 1);
      return;
    }
    this.#counts.set(cause, 0);
    log.warning(`A request was refused: ${REASONS[cause]}`, {
      ...this.#about,
      cause,
      limit: this.#limits[cause],
      ...requestOf(job),
    });
    this.#timer ??= setInterval(() => this.#tell(), PERIOD_MS);
  }

  /** Tells what was not told. */
  stop(): void {
    this.#tell();
    this.#counts.clear();
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tell(): void {
    for (const [cause, count] of this.#counts) {
      if (count === 0) {
        this.#counts.delete(cause);
        continue;
      }
      this.#counts.set(cause, 0);
      log.warning(`${count === 1 ? "Another request was" : "{count} more requests were"} refused: ${REASONS[cause]}`, {
        ...this.#about,
        cause,
        count,
        limit: this.#limits[cause],
      });
    }
    if (this.#counts.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
