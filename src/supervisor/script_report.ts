/** What a script has counted with `aimodellib.metrics`, as the body of a STATS frame says it. */

import type { Frame } from "../bridge/mod.ts";
import { ProtocolError } from "../errors.ts";
import type { Labels } from "../observability/metrics.ts";

/** The most metrics of a script; `aimodellib/metrics/_family.py` has the same. */
export const MAX_METRICS = 100;
/** The most series of a metric, without the one for all others; `aimodellib/metrics/_family.py` has the same. */
export const MAX_SERIES = 1000;

/** When a metric has {@linkcode MAX_SERIES} series, further label values are counted in one series whose labels have this value. */
export const OTHER = "_other";

/** How the values of a gauge in several workers become one. */
export type Aggregate = "sum" | "max" | "min" | "mean";

/** Label values, in the order of the metric's labels, and a value. */
export type SampleOf<Value> = readonly [key: readonly string[], value: Value];

interface Described {
  readonly name: string;
  readonly help: string;
  /** Label names. */
  readonly labels: readonly string[];
  /** How often a value exceeded the limit of series since the worker's previous report. */
  readonly overflowed: number;
}

/** One metric of a report. A counter and a histogram have what was counted since the worker's previous report, a gauge its value. */
export type ScriptMetric =
  & Described
  & (
    | { readonly type: "counter"; readonly series: readonly SampleOf<number>[] }
    | { readonly type: "gauge"; readonly aggregate: Aggregate; readonly series: readonly SampleOf<number>[] }
    | {
      readonly type: "histogram";
      /** The inclusive upper limits of the buckets. */
      readonly limits: readonly number[];
      /** The counts of the buckets, followed by the sum of the values. */
      readonly series: readonly SampleOf<readonly number[]>[];
    }
  );

const AGGREGATES: readonly unknown[] = ["sum", "max", "min", "mean"] satisfies Aggregate[];
const NAME = /^(?!aimodellib_|process_)[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /^(?!__|model$)[a-zA-Z_][a-zA-Z0-9_]*$/;

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Parses the body of a STATS frame. @throws {ProtocolError} if it is not a list of metrics */
export function scriptMetricsIn({ body }: Frame): readonly ScriptMetric[] {
  if (body.length === 0) return [];
  try {
    const value: unknown = JSON.parse(decoder.decode(body));
    if (Array.isArray(value)) return value.map(metric);
  } catch (cause) {
    throw new ProtocolError("The script's metrics in a STATS frame can't be parsed", { cause });
  }
  throw new ProtocolError("The script's metrics in a STATS frame are not a list");
}

function metric(value: Record<string, unknown>): ScriptMetric {
  const { name, help, type, labels, overflowed, aggregate, limits, series } = value;
  if (typeof name !== "string" || !NAME.test(name) || typeof help !== "string") throw new TypeError("a name");
  if (!isList(labels) || !labels.every((label) => typeof label === "string" && LABEL.test(label))) {
    throw new TypeError("labels");
  }
  if (!isList(series)) throw new TypeError("series");
  const described = { name, help, labels: labels as string[], overflowed: Number(overflowed) };
  const read = <Value>(sample: (value: unknown) => Value) => series.map((one) => sampleOf(one, labels.length, sample));
  if (type === "counter") return { ...described, type, series: read(numberOf) };
  if (type === "gauge" && AGGREGATES.includes(aggregate)) {
    return { ...described, type, aggregate: aggregate as Aggregate, series: read(numberOf) };
  }
  if (type !== "histogram" || !isList(limits)) throw new TypeError("a type");
  const counts = (value: unknown) => {
    if (!isList(value) || value.length !== limits.length + 2) throw new TypeError("counts");
    return value.map(numberOf);
  };
  return { ...described, type, limits: limits.map(numberOf), series: read(counts) };
}

function sampleOf<Value>(sample: unknown, labels: number, read: (value: unknown) => Value): SampleOf<Value> {
  if (!isList(sample) || !isList(sample[0]) || sample[0].length !== labels) throw new TypeError("a sample");
  return [sample[0].map(String), read(sample[1])];
}

/** A number; infinite ones and NaN are strings in JSON. */
function numberOf(value: unknown): number {
  if (typeof value === "number") return value;
  if (value === "NaN" || value === "Infinity" || value === "-Infinity") return Number(value);
  throw new TypeError("a number");
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

/** Whether two lists have the same elements. */
export function same(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.length === other.length && one.every((value, index) => value === other[index]);
}

/** Pairs label names with values. */
export function labelsOf(names: readonly string[], values: readonly string[]): Labels {
  return Object.fromEntries(names.map((name, index) => [name, values[index]!]));
}
