/**
 * Counters and histograms, and their text for Prometheus (exposition format 0.0.4).
 *
 * This is our own implementation, since every request updates metrics: counting increments an array element, and text is made only
 * when somebody reads the metrics.
 */

// deno-fmt-ignore
/** Upper bounds of the buckets for durations, in seconds; `_bridge/times.py` has the same. */
export const SECONDS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];
/** Upper bounds of the buckets for batch sizes, in requests; `_bridge/times.py` has the same. */
export const SIZES: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

/** Counts values in buckets with inclusive upper bounds; the last bucket is unbounded. */
export class Histogram {
  readonly limits: readonly number[];
  readonly counts: Float64Array;
  sum = 0;

  constructor(limits: readonly number[]) {
    this.limits = limits;
    this.counts = new Float64Array(limits.length + 1);
  }

  /** Counts a value. */
  observe(value: number): void {
    let bucket = 0;
    while (bucket < this.limits.length && value > this.limits[bucket]!) bucket++;
    this.counts[bucket]!++;
    this.sum += value;
  }

  /**
   * Adds the difference between two readings of another histogram.
   *
   * @param now its counts, followed by its sum
   * @param before the previous reading, in the same form
   */
  addSince(now: readonly number[], before: readonly number[] | undefined): void {
    const last = this.counts.length;
    for (let bucket = 0; bucket < last; bucket++) this.counts[bucket]! += (now[bucket] ?? 0) - (before?.[bucket] ?? 0);
    this.sum += (now[last] ?? 0) - (before?.[last] ?? 0);
  }
}

/** Label names and values. */
export type Labels = Readonly<Record<string, string | number>>;

/** One metric: its name, help text (which may be empty), type and values. */
export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly values: readonly (readonly [labels: Labels, value: number | Histogram])[];
}

/** Formats metrics as text for Prometheus. Histograms that have counted nothing, and metrics without values, are left out. */
export function formatMetrics(metrics: readonly Metric[]): string {
  return metrics.map(({ name, help, type, values }) => {
    const lines = values.flatMap(([labels, value]) =>
      typeof value === "number" ? [line(name, pairsOf(labels), value)] : formatHistogram(name, labels, value)
    );
    if (lines.length === 0) return "";
    return [
      ...(help === "" ? [] : [`# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}`]),
      `# TYPE ${name} ${type}`,
      ...lines,
      "",
    ].join("\n");
  }).join("");
}

function formatHistogram(name: string, labels: Labels, { limits, counts, sum }: Histogram): string[] {
  const pairs = pairsOf(labels);
  // Label values are escaped once for all buckets.
  const start = `${name}_bucket{${pairs === "" ? "" : `${pairs},`}le="`;
  let count = 0;
  const buckets = [...limits, "+Inf"].map((limit, bucket) => {
    count += counts[bucket]!;
    return `${start}${limit}"} ${numeral(count)}`;
  });
  if (count === 0) return [];
  return [...buckets, line(`${name}_sum`, pairs, sum), line(`${name}_count`, pairs, count)];
}

function line(name: string, pairs: string, value: number): string {
  return `${name}${pairs === "" ? "" : `{${pairs}}`} ${numeral(value)}`;
}

function pairsOf(labels: Labels): string {
  return Object.entries(labels).map(([label, text]) => `${label}="${escape(String(text))}"`).join(",");
}

function numeral(value: number): string {
  return Math.abs(value) === Infinity ? (value > 0 ? "+Inf" : "-Inf") : String(value);
}

function escape(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}
