/** A model of how many requests per second a server answers: its slowest stage decides. */

/** The processor time that a request takes, in µs, and what there is to run it on. */
export interface Site {
  /** Time in the HTTP process. */
  readonly http: number;
  /** Time in a worker without that of `predict`. */
  readonly worker: number;
  /** Time in `predict`. */
  readonly predict: number;
  readonly workers: number;
  /** The processors that the server may use. */
  readonly processors: number;
}

/** What limits the rate. */
export type Limit = "HTTP process" | "workers" | "processors";

/**
 * Returns the most requests per second. The HTTP process is one thread, and each worker executes one request at a time.
 *
 * @returns the rate, and the stage that limits it
 */
export function capacity(
  { http, worker, predict, workers, processors }: Site,
): { readonly rate: number; readonly limit: Limit } {
  const rates: readonly (readonly [Limit, number])[] = [
    ["HTTP process", 1e6 / http],
    ["workers", workers * 1e6 / (worker + predict)],
    ["processors", processors * 1e6 / (http + worker + predict)],
  ];
  const [limit, rate] = rates.reduce((least, next) => next[1] < least[1] ? next : least);
  return { rate, limit };
}
