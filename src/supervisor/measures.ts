/** The metrics of a pool: times in the queue and in the script's functions, workers, restarts, and the script's own metrics. */

import { Histogram, type Metric, SECONDS, SIZES } from "../observability/metrics.ts";
import type { WorkerGauges } from "./script_gauges.ts";
import { ScriptMetrics } from "./script_metrics.ts";
import type { Times, Usage } from "./worker_events.ts";

/** Why a worker was restarted: how it ended without being asked to, or that it was replaced. */
export type RestartCause = (typeof CAUSES)[number];

const CAUSES = ["exit", "signal", "overran", "other", "replaced"] as const;

/** Where a request spends time. */
export type StageName = "queue" | "deserialize" | "predict" | "serialize";

/** The current figures of a pool. */
export interface PoolFigures {
  /** The number of requests that wait for a worker. */
  readonly queued: number;
  /** The number of workers that can execute requests. */
  readonly ready: number;
  readonly workers: readonly WorkerFigures[];
}

/** The current figures of a place for a worker. */
export interface WorkerFigures {
  readonly index: number;
  /** The number of unanswered requests. */
  readonly load: number;
  /** The usage that was reported last. */
  readonly usage: Usage | undefined;
  /** How many workers have become ready in this place. */
  readonly starts: number;
  /** How long the last of them took to load, in ms; undefined if there was none. */
  readonly loadMs: number | undefined;
  /** The gauges of the script; undefined if the worker is not ready. */
  readonly gauges?: WorkerGauges;
}

/** Counts the events of one pool, and returns them as metrics. */
export class Measures {
  /** How long jobs waited for a worker, in seconds. */
  readonly queue = new Histogram(SECONDS);
  readonly #stages: Readonly<Record<Exclude<StageName, "queue">, Histogram>> = {
    deserialize: new Histogram(SECONDS),
    predict: new Histogram(SECONDS),
    serialize: new Histogram(SECONDS),
  };
  readonly #batches = new Histogram(SIZES);
  // All causes are there from the beginning: Prometheus sees no increase of a series that appears with a 1.
  readonly #restarts = new Map<RestartCause, number>(CAUSES.map((cause) => [cause, 0]));
  /** The metrics of the script. */
  readonly script = new ScriptMetrics();

  /** How long jobs spent in each stage, in seconds. */
  get stages(): readonly (readonly [stage: StageName, histogram: Histogram])[] {
    const { deserialize, predict, serialize } = this.#stages;
    return [["queue", this.queue], ["deserialize", deserialize], ["predict", predict], ["serialize", serialize]];
  }

  /** The sizes of batches. */
  get batches(): Histogram {
    return this.#batches;
  }

  /** Adds the difference between two reports of a worker; both count from its start. */
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

  /** Returns all counters, and gauges of the current figures. */
  metrics(now: PoolFigures): Metric[] {
    const script = this.script.metrics(now.workers.flatMap(({ gauges }) => gauges ?? []));
    return [...this.#counted(), ...gauges(now), ...script];
  }

  #counted(): Metric[] {
    return [
      {
        name: "aimodellib_stage_duration_seconds",
        help: "Time in the queue, and in each function of the script.",
        type: "histogram",
        values: this.stages.map(([stage, histogram]) => [{ stage }, histogram]),
      },
      {
        name: "aimodellib_batch_size",
        help: "Number of requests in a batch.",
        type: "histogram",
        values: [[{}, this.#batches]],
      },
      {
        name: "aimodellib_worker_restarts_total",
        help: "Workers that died or were replaced, by cause.",
        type: "counter",
        values: [...this.#restarts].map(([cause, count]) => [{ cause }, count]),
      },
    ];
  }
}

function gauges({ queued, ready, workers }: PoolFigures): Metric[] {
  const gauge = (name: string, help: string, values: Metric["values"]): Metric => ({
    name,
    help,
    type: "gauge",
    values,
  });
  const labelled = workers.map(({ index, ...worker }) => [{ worker: index + 1 }, worker] as const);
  const said = (what: (usage: Usage) => number) =>
    labelled.flatMap(([labels, { usage }]) => usage === undefined ? [] : [[labels, what(usage)] as const]);
  return [
    gauge("aimodellib_requests_queued", "Requests that wait for a worker.", [[{}, queued]]),
    gauge("aimodellib_workers", "Workers by their state.", [
      [{ state: "ready" }, ready],
      [{ state: "not_ready" }, workers.length - ready],
    ]),
    gauge(
      "aimodellib_worker_requests",
      "Requests that a worker has not answered.",
      labelled.map(([labels, { load }]) => [labels, load]),
    ),
    gauge("aimodellib_worker_memory_bytes", "Resident memory of a worker's process.", said(({ rss }) => rss)),
    gauge(
      "aimodellib_worker_cpu_seconds",
      "CPU time that a worker's process has used since its start.",
      said(({ cpu }) => cpu),
    ),
    gauge(
      "aimodellib_worker_load_seconds",
      "Time from the start of a worker until it was ready.",
      labelled.flatMap(([labels, { loadMs }]) => loadMs === undefined ? [] : [[labels, loadMs / 1000] as const]),
    ),
    {
      name: "aimodellib_worker_starts_total",
      help: "Workers that have become ready, by their number: the first one, and those that have taken its place.",
      type: "counter",
      values: labelled.map(([labels, { starts }]) => [labels, starts]),
    },
  ];
}
