/** Logs the requests that no worker could take, and not each of them: a server that is overloaded refuses thousands a second. */

import { getLogger } from "@logtape/logtape";
import { Seldom } from "../observability/seldom.ts";
import { requestOf } from "./script_failure.ts";
import type { Job } from "./job.ts";

const log = getLogger(["aimodellib", "supervisor"]);

/** Why a request was refused, as a message says it. */
const REASONS = {
  full: "the queue is full (--queue-size {limit})",
  timeout: "no worker was free in time (--queue-timeout {limit})",
} as const;

type Cause = keyof typeof REASONS;

/** Logs jobs that are refused: the first of a cause at once, and those that follow as a number every 10 s. */
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
   * @param model the model that they are for, if there are others
   * @param limits what the options say: a number of requests, and seconds
   */
  constructor(model: string | undefined, limits: Readonly<Record<Cause, number>>) {
    this.#about = model === undefined ? {} : { model };
    this.#limits = limits;
  }

  /** A request was refused. */
  add(cause: Cause, job: Job): void {
    this.#seldom.add(cause, () =>
      log.warning(`A request was refused: ${REASONS[cause]}`, {
        ...this.#about,
        cause,
        limit: this.#limits[cause],
        ...requestOf(job),
      }));
  }

  /** Tells what was not told. */
  stop(): void {
    this.#seldom.stop();
  }
}
