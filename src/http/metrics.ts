/** The metrics of a serving run: this module counts requests, and each pool keeps the metrics of its workers. */

import { getLogger } from "@logtape/logtape";
import type { Context } from "hono";
import { mergeMetrics } from "../observability/merge_metrics.ts";
import { formatMetrics, Histogram, type Labels, type Metric, SECONDS } from "../observability/metrics.ts";
import type { ModelFacts, Models } from "../supervisor/mod.ts";
import type { Counters } from "../recent/mod.ts";
import type { Tracing } from "../tracing/types.ts";
import { VERSION } from "../version.ts";
import { GpuMemory } from "./gpu_memory.ts";
import { CLIENT_LEFT, HttpError, type Incoming } from "./h1/mod.ts";

const log = getLogger(["aimodellib", "http"]);

/** Answers a request. */
type Handler = (c: Context) => Response | Promise<Response>;

/** Statuses that are listed with 0: Prometheus sees no increase of a series that first appears with 1, and an alert would miss a failure. */
const ZEROS = [200, 500, 502, 503, 504].map((status) => [status, 0] as const);

/** The counts of the requests to one route. */
interface Route {
  readonly labels: { readonly route: string; readonly model?: string };
  readonly seconds: Histogram;
  /** The number of requests by status. */
  readonly statuses: Map<number, number>;
}

/** Counts the requests to one route. */
export interface Meter {
  /** Records that a request has arrived. @returns the start time to pass to {@linkcode end} */
  readonly begin: () => number;
  /** Records that a request was answered completely. @param status {@linkcode CLIENT_LEFT} if the client has disconnected */
  readonly end: (start: number, status: number) => void;
}

/** Counts requests, and formats all metrics. */
export class Metrics {
  readonly #models: Models;
  readonly #routes = new Map<string, Route>();
  /** The routes of each model that execute requests. */
  readonly #executing = new Map<string, Route[]>();
  /** Metrics of models that a warning has named. */
  readonly #leftOut = new Set<string>();
  #inFlight = 0;
  readonly #start = Date.now() / 1000;
  readonly #gpus = new GpuMemory();
  readonly #tracing: Pick<Tracing, "metrics"> | undefined;

  constructor(models: Models, tracing?: Pick<Tracing, "metrics">) {
    this.#models = models;
    this.#tracing = tracing;
  }

  /** Returns a meter that counts requests under these labels. @param executes whether a model executes the requests */
  meter(labels: Route["labels"], executes = false): Meter {
    const route = this.#route(labels);
    if (executes) this.#addExecuting(route);
    const { statuses, seconds } = route;
    return {
      begin: () => {
        this.#inFlight++;
        return performance.now();
      },
      end: (start, status) => {
        this.#inFlight--;
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        seconds.observe((performance.now() - start) / 1000);
      },
    };
  }

  /** Wraps a handler to count its requests under these labels. */
  measured(labels: Route["labels"], handler: Handler): Handler {
    const meter = this.meter(labels);
    return async (c) => {
      const start = meter.begin();
      let status = 500;
      try {
        const response = await handler(c);
        status = response.status;
        return response;
      } catch (error) {
        if (error instanceof HttpError) status = error.status;
        throw error;
      } finally {
        meter.end(start, (c.env as Incoming).left ? CLIENT_LEFT : status);
      }
    };
  }

  /** Adds the requests that a model was to execute, and how they were answered, to the counters of the console. */
  countRequests(model: string, into: Pick<Counters, "addStatus" | "addLatency">): void {
    for (const { statuses, seconds } of this.#executing.get(model) ?? []) {
      for (const [status, count] of statuses) into.addStatus(status, count);
      into.addLatency(seconds);
    }
  }

  #addExecuting(route: Route): void {
    const { model = "" } = route.labels;
    const routes = this.#executing.get(model) ?? [];
    if (!routes.includes(route)) this.#executing.set(model, [...routes, route]);
  }

  /** Whether a route lists {@linkcode ZEROS}: the first one that executes requests of a model, and others from their first request on. */
  #hasZeros(route: Route): boolean {
    const executing = this.#executing.get(route.labels.model ?? "") ?? [];
    return route === executing[0] || (route.statuses.size > 0 && executing.includes(route));
  }

  /** Counts a request that no route matches. */
  countOther(status: number): void {
    const { statuses } = this.#route({ route: "other" });
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }

  /** All metrics in the text format of Prometheus. */
  async format(): Promise<string> {
    const [gpus] = await Promise.all([this.#gpus.metrics(), ...this.#models.all.map((model) => model.askUsage())]);
    return formatMetrics([
      ...this.#ofRequests(),
      ...this.#ofModels(),
      ...gpus,
      ...this.#tracing?.metrics() ?? [],
      ...this.#ofProcess(),
    ]);
  }

  #ofModels(): Metric[] {
    const { all } = this.#models;
    const models = all.map((model) => ({ model: model.name, metrics: model.metrics() }));
    const merged = mergeMetrics(models, (model, metric) => this.#onLeftOut(model, metric));
    return [
      {
        name: "aimodellib_model_ready",
        help: "1 if the model executes requests, else 0.",
        type: "gauge",
        values: all.map(({ name, state }) => [{ model: name }, state === "ready" || state === "degraded" ? 1 : 0]),
      },
      {
        name: "aimodellib_model_info",
        help: "1 for each model whose archive or module was opened; the labels describe it.",
        type: "gauge",
        values: all.flatMap(({ name, facts }) => facts === undefined ? [] : [[infoLabels(name, facts), 1] as const]),
      },
      ...merged,
    ];
  }

  #onLeftOut(model: string, { name, type }: Metric): void {
    const key = `${model} ${name}`;
    if (this.#leftOut.has(key)) return;
    this.#leftOut.add(key);
    log.warn(
      `/metrics leaves out the ${type} '${name}' of the model '${model}': another model has a different metric of this name`,
    );
  }

  #ofRequests(): Metric[] {
    const routes = [...this.#routes.values()];
    return [
      {
        name: "aimodellib_requests_total",
        help: "Requests that were answered, or whose client disconnected first (499).",
        type: "counter",
        values: routes.flatMap((route) => {
          const counts = new Map([...this.#hasZeros(route) ? ZEROS : [], ...route.statuses]);
          return [...counts].map(([status, count]) => [{ ...route.labels, status }, count] as const);
        }),
      },
      {
        name: "aimodellib_request_duration_seconds",
        help: "Time from a request's headers to its answer's headers, or to the last part of an answer in parts.",
        type: "histogram",
        values: routes.filter(({ labels }) => labels.route !== "other").map(({ labels, seconds }) => [labels, seconds]),
      },
      {
        name: "aimodellib_requests_in_flight",
        help: "Requests that are being answered.",
        type: "gauge",
        values: [[{}, this.#inFlight]],
      },
    ];
  }

  #ofProcess(): Metric[] {
    return [
      {
        name: "aimodellib_build_info",
        help: "1; the labels name the version of aimodellib and of Deno, and the target.",
        type: "gauge",
        values: [[{ version: VERSION, deno: Deno.version.deno, target: Deno.build.target }, 1]],
      },
      {
        name: "process_start_time_seconds",
        help: "Start time of the process, in seconds since 1970.",
        type: "gauge",
        values: [[{}, this.#start]],
      },
      {
        name: "process_resident_memory_bytes",
        help: "Resident memory of the HTTP process, in bytes.",
        type: "gauge",
        values: [[{}, Deno.memoryUsage().rss]],
      },
    ];
  }

  #route(labels: Route["labels"]): Route {
    const key = `${labels.model} ${labels.route}`;
    let route = this.#routes.get(key);
    if (route === undefined) {
      route = { labels, seconds: new Histogram(SECONDS), statuses: new Map() };
      this.#routes.set(key, route);
    }
    return route;
  }
}

/** Unknown facts become empty labels, which Prometheus treats as missing. */
function infoLabels(model: string, { archive = "", sha256 = "", script, python = "" }: ModelFacts): Labels {
  return { model, archive, sha256, script, python };
}
