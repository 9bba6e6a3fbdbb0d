/** What is measured of a pool: times in the queue and in the script's functions, workers, their ends. */

import { Histogram, type Metric, SECONDS, SIZES } from "../observability/metrics.ts";

/** What a worker counts since its start, as STATS has it: counts by buckets, and behind them their sum. */
export type Times = Readonly<Record<string, readonly number[]>>;

/** How a worker ended that nobody had asked to; or that it was replaced. */
export type RestartCause = "exit" | "signal" | "overran" | "other" | "replaced";

/** Counts what happens in one pool, and gives it out as metrics. */
export class Measures {
  /** How long jobs waited for a worker, in seconds. */
  readonly queue = new Histogram(SECONDS);
  readonly #stages: Readonly<Record<string, Histogram>> = {
    deserialize: new Histogram(SECONDS),
    predict: new Histogram(SECONDS),
    serialize: new Histogram(SECONDS),
  };
  readonly #batches = new Histogram(SIZES);
  readonly #restarts = new Map<RestartCause, number>();

  /** Adds what a worker has counted since it was looked at last. */
  addTimes(now: Times, before: Times | undefined): void {
    for (const [stage, histogram] of Object.entries(this.#stages)) {
      histogram.addSince(now[stage] ?? [], before?.[stage]);
    }
    this.#batches.addSince(now["batches"] ?? [], before?.["batches"]);
  }

  /** Counts the end of a worker, or its replacement. */
  countRestart(cause: RestartCause): void {
    this.#restarts.set(cause, (this.#restarts.get(cause) ?? 0) + 1);
  }

  /** All of it. */
  metrics(): Metric[] {
    return [
      {
        name: "aimodellib_stage_duration_seconds",
        help: "Time in the queue, and in each function of the script.",
        type: "histogram",
        values: [["queue", this.queue] as const, ...Object.entries(this.#stages)].map((
          [stage, histogram],
        ) => [{ stage }, histogram]),
      },
      {
        name: "aimodellib_batch_size",
        help: "Requests that were predicted together.",
        type: "histogram",
        values: [[{}, this.#batches]],
      },
      {
        name: "aimodellib_worker_restarts_total",
        help: "Workers that ended unasked, or were replaced, by cause.",
        type: "counter",
        values: [...this.#restarts].map(([cause, count]) => [{ cause }, count]),
      },
    ];
  }
}
