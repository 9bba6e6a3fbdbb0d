/** Logs refused requests in summary: an overloaded server refuses thousands a second. */

import { getLogger } from "@logtape/logtape";
import { Seldom } from "../observability/seldom.ts";
import { requestOf } from "./script_failure.ts";
import type { Job } from "./job.ts";

const log = getLogger(["aimodellib", "supervisor"]);

/** Templates that say in a log record why a request was refused. */
const REASONS = {
  full: "the queue is full (--queue-size {limit})",
  timeout: "no worker was free in time (--queue-timeout {limit})",
} as const;

type Cause = keyof typeof REASONS;

/** Logs refused jobs: for each cause, the first one at once, and after that their number every 10 s. */
export class Refusals {
  readonly #about: Readonly<Record<string, unknown>>;
  readonly #limits: Readonly<Record<Cause, number>>;
  readonly #seldom = new Seldom<Cause>((cause, count) =>
    log.warning(`${count === 1 ? "Another request was" : "{count} more requests were"} refused: ${REASONS[cause]}`, {
      ...this.#about,
      cause,
      count,
      limit: this.#limits[cause],
    })
  );

  /**
   * @param model the name of the model, if there are several
   * @param limits the values of the options that the messages name: a number of requests, or seconds
   */
  constructor(model: string | undefined, limits: Readonly<Record<Cause, number>>) {
    this.#about = model === undefined ? {} : { model };
    this.#limits = limits;
  }

  /** Records a refused request. */
  add(cause: Cause, job: Job): void {
    this.#seldom.add(cause, () =>
      log.warning(`A request was refused: ${REASONS[cause]}`, {
        ...this.#about,
        cause,
        limit: this.#limits[cause],
        ...requestOf(job),
      }));
  }

  /** Logs the numbers not logged yet, and stops the timer. */
  stop(): void {
    this.#seldom.stop();
  }
}
