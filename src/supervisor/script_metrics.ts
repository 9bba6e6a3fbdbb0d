/**
 * The metrics of one model's script, over all of its workers.
 *
 * 1. Counters and histograms are added, and keep what workers have counted that have ended.
 * 2. Gauges are those of the workers that can execute requests now.
 * 3. A metric has at most 1,000 series, whatever workers report over time, and all counters and histograms take a limited part of the text
 *    at `/metrics`, as do all gauges. What exceeds that is counted in one more series of the metric.
 * 4. After a change to the script, a metric may be declared differently: the definition of the worker that was started last counts.
 */

import { getLogger } from "@logtape/logtape";
import { Histogram, type Labels, type Metric } from "../observability/metrics.ts";
import { type Gauge, gaugesOf, type TakeRoom, type WorkerGauges } from "./script_gauges.ts";
import { labelsOf, MAX_METRICS, MAX_SERIES, OTHER, same, type ScriptMetric } from "./script_report.ts";

const log = getLogger(["aimodellib", "supervisor"]);

/**
 * The longest text at `/metrics` of all counters and histograms, and of all gauges, in characters: no other request is answered while it
 * is made.
 */
const MAX_TEXT = 16 * 2 ** 20;

/** Roughly what a line has beside the metric's name and the labels' values, in characters. */
const LINE = 40;

interface Family {
  readonly definition: Exclude<ScriptMetric, Gauge>;
  /** When the worker was started that has defined it, in ms of `performance.now()`. */
  since: number;
  readonly series: Map<string, { readonly labels: Labels; value: number | Histogram }>;
  /** The length of its text at `/metrics`. */
  text: number;
}

/** Adds what the workers of a model report. */
export class ScriptMetrics {
  readonly #families = new Map<string, Family>();
  readonly #overflows = new Map<string, number>();
  #text = 0;
  #warned = false;

  /**
   * Adds what a worker has counted since its previous report. Gauges are ignored.
   *
   * @param since when the worker was started, in ms of `performance.now()`
   */
  add(metrics: readonly ScriptMetric[], since: number): void {
    for (const metric of metrics) {
      if (metric.overflowed > 0) this.#overflow(metric.name, metric.overflowed);
      if (metric.type === "gauge") continue;
      const family = this.#family(metric, since);
      if (family === undefined) continue;
      for (const [key, value] of metric.series) this.#addSample(family, key, value);
    }
  }

  /** Returns all metrics. @param workers the gauges of the workers that can execute requests */
  metrics(workers: readonly WorkerGauges[]): Metric[] {
    const metrics = new Map<string, { readonly since: number; readonly metric: Metric }>();
    for (const { definition: { name, help, type }, since, series } of this.#families.values()) {
      const values = [...series.values()].map(({ labels, value }) => [labels, value] as const);
      metrics.set(name, { since, metric: { name, help, type, values } });
    }
    let text = 0;
    const take: TakeRoom = (gauge, key) => {
      text += textOf(gauge, key);
      if (text <= MAX_TEXT) return true;
      this.#warn(gauge.name);
      return false;
    };
    for (const { since, metric } of gaugesOf(workers, take)) {
      if (since >= (metrics.get(metric.name)?.since ?? 0)) metrics.set(metric.name, { since, metric });
    }
    return [...[...metrics.values()].map(({ metric }) => metric), {
      name: "aimodellib_script_metric_overflows_total",
      help: "Values of a script's metric that were counted as '_other', since it has too many series.",
      type: "counter",
      values: [...this.#overflows].map(([metric, count]) => [{ metric }, count]),
    }];
  }

  /** The family of a metric; undefined if the metric is out of date, or there are too many. */
  #family(definition: Family["definition"], since: number): Family | undefined {
    const { name } = definition;
    const known = this.#families.get(name);
    if (known === undefined && this.#families.size >= MAX_METRICS) {
      this.#overflow(name, 1);
      return undefined;
    }
    if (known !== undefined) {
      if (isSame(known.definition, definition)) {
        known.since = Math.max(known.since, since);
        return known;
      }
      if (known.since > since) return undefined;
      this.#text -= known.text;
    }
    const family: Family = { definition, since, series: new Map(), text: 0 };
    this.#families.set(name, family);
    return family;
  }

  #addSample(family: Family, key: readonly string[], value: number | readonly number[]): void {
    const { definition, series } = family;
    let id = JSON.stringify(key);
    if (!series.has(id) && (series.size >= MAX_SERIES || this.#text + textOf(definition, key) > MAX_TEXT)) {
      this.#overflow(definition.name, 1);
      key = key.map(() => OTHER);
      id = JSON.stringify(key);
    }
    let known = series.get(id);
    if (known === undefined) {
      const first = definition.type === "histogram" ? new Histogram(definition.limits) : 0;
      known = { labels: labelsOf(definition.labels, key), value: first };
      series.set(id, known);
      const text = textOf(definition, key);
      family.text += text;
      this.#text += text;
    }
    if (typeof value === "number") known.value = Number(known.value) + value;
    else (known.value as Histogram).addSince(value, undefined);
  }

  #overflow(name: string, count: number): void {
    // The metric's own label is bounded as well.
    const label = this.#overflows.has(name) || this.#overflows.size < MAX_METRICS ? name : OTHER;
    this.#overflows.set(label, (this.#overflows.get(label) ?? 0) + count);
    this.#warn(name);
  }

  #warn(name: string): void {
    if (this.#warned) return;
    this.#warned = true;
    log.warn(
      `The script's metric '${name}' is over the limit of ${MAX_METRICS} metrics with ${MAX_SERIES} series each, and ` +
        `${MAX_TEXT / 2 ** 20} MiB of text at /metrics for all counters and histograms, and as much for all gauges; ` +
        `aimodellib_script_metric_overflows_total says how often`,
    );
  }
}

/** The length of a series' text at `/metrics`, roughly: a histogram has a line for each bucket, its sum and its count. */
function textOf(definition: ScriptMetric, key: readonly string[]): number {
  const lines = definition.type === "histogram" ? definition.limits.length + 3 : 1;
  const labels = definition.labels.reduce((length, label) => length + label.length, 0);
  return lines * (key.reduce((length, text) => length + text.length, definition.name.length + labels) + LINE);
}

function isSame(one: Family["definition"], other: Family["definition"]): boolean {
  return one.type === other.type && same(one.labels, other.labels) &&
    (one.type !== "histogram" || other.type !== "histogram" || same(one.limits, other.limits));
}
