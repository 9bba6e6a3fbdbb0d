/** When workers have died too often for another to be started. */

import type { Death } from "./worker_events.ts";

/**
 * Workers that may be ended for a request that takes too long, for each one that may die. Such a request is often nothing but a
 * large one; but it costs a worker, and somebody may send it again and again.
 */
const OVERRUNS_PER_RESTART = 10;

/** How many deaths of workers are too many. */
export interface RestartLimitOptions {
  /** The most deaths within `restartWindowMs`. */
  readonly maxRestarts: number;
  /** In ms. */
  readonly restartWindowMs: number;
}

/** Counts the deaths of a pool's workers within a window of time. */
export class RestartLimit {
  readonly #options: RestartLimitOptions;
  /** When workers died, and when they were ended because a request took too long; in ms of `performance.now()`. */
  readonly #deaths: number[] = [];
  readonly #overruns: number[] = [];

  constructor(options: RestartLimitOptions) {
    this.#options = options;
  }

  /** Counts a death. @returns why no other worker is to be started; undefined if one may be */
  count({ overran, cause }: Death): string | undefined {
    const { maxRestarts, restartWindowMs } = this.#options;
    const most = overran ? OVERRUNS_PER_RESTART * Math.max(1, maxRestarts) : maxRestarts;
    const now = performance.now();
    const deaths = overran ? this.#overruns : this.#deaths;
    while (deaths.length > 0 && deaths[0]! <= now - restartWindowMs) deaths.shift();
    deaths.push(now);
    if (deaths.length <= most) return undefined;
    return `A worker ended (${cause}), the ${deaths.length}. time in ${
      restartWindowMs / 60_000
    } minutes: giving up, as ` +
      `--max-restarts ${maxRestarts} says${
        overran ? `, of which a restart after --request-timeout counts a tenth` : ""
      }`;
  }
}
