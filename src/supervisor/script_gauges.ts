/** The gauges of a script: each worker has its own values, which become one when they are read. */

import type { Metric } from "../observability/metrics.ts";
import { labelsOf, MAX_METRICS, MAX_SERIES, OTHER, same, type ScriptMetric } from "./script_report.ts";

/** A gauge that a worker has reported. */
export type Gauge = Extract<ScriptMetric, { readonly type: "gauge" }>;

/** The gauges of one worker. */
export interface WorkerGauges {
  /** When the worker was started, in ms of `performance.now()`. */
  readonly since: number;
  readonly gauges: readonly Gauge[];
}

/** Returns a worker's gauges after another report; a report has only the series that have changed. */
export function afterReport(gauges: readonly Gauge[], report: readonly ScriptMetric[]): readonly Gauge[] {
  const reported = report.filter((metric) => metric.type === "gauge");
  if (reported.length === 0) return gauges;
  const merged = new Map(gauges.map((gauge) => [gauge.name, gauge]));
  for (const gauge of reported) {
    const series = new Map(merged.get(gauge.name)?.series.map((sample) => [JSON.stringify(sample[0]), sample]));
    for (const sample of gauge.series) series.set(JSON.stringify(sample[0]), sample);
    merged.set(gauge.name, { ...gauge, series: [...series.values()].slice(0, MAX_SERIES + 1) });
  }
  return [...merged.values()].slice(0, MAX_METRICS);
}

/** Tells whether a new series has room, and takes it. */
export type TakeRoom = (gauge: Gauge, key: readonly string[]) => boolean;

/**
 * Aggregates the gauges of several workers. What exceeds the limits becomes part of one more series, whose labels are all {@linkcode OTHER}.
 *
 * @param take tells whether there is room for a series at `/metrics`
 * @returns each metric, and when the worker was started whose definition counts, which is the newest one that has the metric
 */
export function gaugesOf(
  workers: readonly WorkerGauges[],
  take: TakeRoom,
): readonly { readonly metric: Metric; readonly since: number }[] {
  const newest = new Map<string, { readonly gauge: Gauge; readonly since: number }>();
  for (const { since, gauges } of workers) {
    for (const gauge of gauges) {
      if (since >= (newest.get(gauge.name)?.since ?? 0)) newest.set(gauge.name, { gauge, since });
    }
  }
  return [...newest.values()].map(({ gauge, since }) => ({ metric: aggregated(gauge, workers, take), since }));
}

function aggregated(gauge: Gauge, workers: readonly WorkerGauges[], take: TakeRoom): Metric {
  const { name, help, type, labels, aggregate } = gauge;
  const series = new Map<string, { readonly key: readonly string[]; readonly values: number[] }>();
  for (const { gauges } of workers) {
    const own = gauges.find((one) => one.name === name);
    if (own === undefined || !same(own.labels, labels)) continue;
    for (const [reported, value] of own.series) {
      let key = reported;
      let id = JSON.stringify(key);
      if (!series.has(id) && (series.size >= MAX_SERIES || !take(gauge, key))) {
        key = key.map(() => OTHER);
        id = JSON.stringify(key);
      }
      const known = series.get(id);
      if (known === undefined) series.set(id, { key, values: [value] });
      else known.values.push(value);
    }
  }
  const values = [...series.values()].map(({ key, values }) =>
    [labelsOf(labels, key), AGGREGATES[aggregate](values)] as const
  );
  return { name, help, type, values };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

const AGGREGATES = {
  sum,
  max: (values: readonly number[]) => values.reduce((a, b) => Math.max(a, b)),
  min: (values: readonly number[]) => values.reduce((a, b) => Math.min(a, b)),
  mean: (values: readonly number[]) => sum(values) / values.length,
} as const;
