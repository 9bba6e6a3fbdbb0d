/** Decides when workers have died too often to start another one. */

import type { Death } from "./worker_events.ts";

/**
 * How many workers may be ended for slow requests, for each one that may die. A slow request is often just a large one; but each
 * costs a worker, and a client may send it again and again.
 */
const OVERRUNS_PER_RESTART = 10;

/** How many deaths of workers are allowed, and in which time. */
export interface RestartLimitOptions {
  /** The most deaths allowed within `restartWindowMs`. */
  readonly maxRestarts: number;
  /** The length of the sliding window, in ms. */
  readonly restartWindowMs: number;
}

/** Counts the deaths of a pool's workers within a sliding window. */
export class RestartLimit {
  readonly #options: RestartLimitOptions;
  /** The times of deaths, and of workers ended for slow requests, in ms of `performance.now()`. */
  readonly #deaths: number[] = [];
  readonly #overruns: number[] = [];

  constructor(options: RestartLimitOptions) {
    this.#options = options;
  }

  /** Counts a death. @returns the reason to start no more workers; undefined if another may start */
  count({ overran, cause }: Death): string | undefined {
    const { maxRestarts, restartWindowMs } = this.#options;
    const most = overran ? OVERRUNS_PER_RESTART * Math.max(1, maxRestarts) : maxRestarts;
    const now = performance.now();
    const deaths = overran ? this.#overruns : this.#deaths;
    while (deaths.length > 0 && deaths[0]! <= now - restartWindowMs) deaths.shift();
    deaths.push(now);
    if (deaths.length <= most) return undefined;
    const [what, limit] = overran
      ? ["were killed for slow requests", `--max-restarts ${maxRestarts} allows ${most}`]
      : ["died", `--max-restarts ${maxRestarts}`];
    const times = counted(deaths.length, "time");
    const minutes = counted(restartWindowMs / 60_000, "minute");
    return `Giving up: workers ${what} ${times} in ${minutes} (${limit}); last: ${cause}`;
  }
}

/** A number and its noun, such as `1 time` or `2 times`. */
function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
