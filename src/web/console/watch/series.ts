/** Turns the seconds of a model into the values of charts. A point can stand for several seconds. */

import type { Second, Sparse, Stage } from "../../wire.ts";

/** How many points a chart has. With 5 seconds for each, it shows 15 minutes. */
export const POINTS = 180;
const LONG_STEP = 5;

/** The functions of a script, and the queue before them, in the order in which a request passes them. */
export const STAGES: readonly Stage[] = ["queue", "deserialize", "predict", "serialize"];

/** The values of one point; undefined where nothing is known. */
export interface Point {
  /** The end of the point, in seconds since 1970. */
  readonly t: number;
  /** Requests a second, by their answers. */
  readonly ok: number | undefined;
  readonly refused: number | undefined;
  readonly failed: number | undefined;
  /** Quantiles of the time until an answer, in ms. */
  readonly p50: number | undefined;
  readonly p90: number | undefined;
  readonly p99: number | undefined;
  /** The most requests that waited, and that workers had. */
  readonly queued: number | undefined;
  readonly busy: number | undefined;
  /** The mean time of a request in each stage, in ms, in the order of {@linkcode STAGES}. */
  readonly stages: readonly (number | undefined)[];
  /** The mean size of a batch, in requests, and the size that 90 % of the batches have at most. */
  readonly batch: number | undefined;
  readonly batchP90: number | undefined;
}

/** The sizes of batches. */
export interface Sizes {
  readonly batches: number;
  /** In requests; undefined without batches. */
  readonly mean: number | undefined;
  /** From 1 to the largest size, such as `1`, `2`, `3–4`, each with its number of batches. */
  readonly ranges: readonly { readonly name: string; readonly batches: number }[];
}

/** The bounds of histograms, in seconds and in requests. */
export interface Bounds {
  readonly latency: readonly number[];
  readonly batches: readonly number[];
}

/** How many seconds a point stands for: one as long as there are so few that a chart has room for each, else five. */
export function stepOf(seconds: readonly Second[]): number {
  const [first, last] = [seconds[0]?.t ?? 0, seconds.at(-1)?.t ?? 0];
  return last - first < POINTS ? 1 : LONG_STEP;
}

/** Makes the points of a chart up to the newest second, the oldest first. */
export function pointsOf(seconds: readonly Second[], bounds: Bounds): Point[] {
  const step = stepOf(seconds);
  const end = Math.ceil((seconds.at(-1)?.t ?? 0) / step) * step;
  const groups: Second[][] = Array.from({ length: POINTS }, () => []);
  for (const second of seconds) {
    const index = POINTS - 1 - Math.floor((end - second.t) / step);
    groups[index]?.push(second);
  }
  return groups.map((group, index) => pointOf(group, end - (POINTS - 1 - index) * step, bounds));
}

function pointOf(group: readonly Second[], t: number, { latency, batches: limits }: Bounds): Point {
  const known = group.length > 0;
  const rate = (...kinds: number[]) =>
    known
      ? group.reduce((sum, { answers }) => sum + kinds.reduce((all, kind) => all + (answers?.[kind] ?? 0), 0), 0) /
        group.length
      : undefined;
  const most = (value: (second: Second) => number | undefined) =>
    known ? Math.max(...group.map((second) => value(second) ?? 0)) : undefined;
  const times = merged(group.map((second) => second.latency));
  return {
    t,
    ok: rate(0),
    // A disconnected client counts neither as a client error nor as a server error.
    refused: rate(1, 3),
    failed: rate(2),
    p50: quantile(times, latency, 0.5),
    p90: quantile(times, latency, 0.9),
    p99: quantile(times, latency, 0.99),
    queued: most(({ queued }) => queued),
    busy: most(({ busy }) => busy),
    stages: STAGES.map((stage) => meanMs(group, stage)),
    batch: sizesOf(group, limits).mean,
    batchP90: atMost(merged(group.map((second) => second.batches)), limits, 0.9),
  };
}

function meanMs(group: readonly Second[], stage: Stage): number | undefined {
  let [count, sum] = [0, 0];
  for (const { stages } of group) {
    count += stages?.[stage]?.[0] ?? 0;
    sum += stages?.[stage]?.[1] ?? 0;
  }
  return count === 0 ? undefined : 1000 * sum / count;
}

/** Sums histograms into one count per bucket. */
function merged(histograms: readonly (Sparse | undefined)[]): number[] {
  const counts: number[] = [];
  for (const histogram of histograms) {
    for (let i = 0; i < (histogram?.counts.length ?? 0); i += 2) {
      const [bucket, count] = histogram!.counts.slice(i, i + 2) as [number, number];
      counts[bucket] = (counts[bucket] ?? 0) + count;
    }
  }
  return counts;
}

/**
 * Adds up the batches of some seconds by the range of their sizes.
 *
 * @param limits the upper bounds of the buckets, in requests; the last bucket has none
 */
export function sizesOf(seconds: readonly Second[], limits: readonly number[]): Sizes {
  const counts = merged(seconds.map((second) => second.batches));
  const batches = counts.reduce((sum, count) => sum + (count ?? 0), 0);
  const requests = seconds.reduce((sum, second) => sum + (second.batches?.sum ?? 0), 0);
  return {
    batches,
    mean: batches === 0 ? undefined : requests / batches,
    ranges: Array.from(counts, (count = 0, bucket) => ({ name: rangeOf(limits, bucket), batches: count })),
  };
}

/** The whole numbers in a bucket. */
function rangeOf(limits: readonly number[], bucket: number): string {
  const from = (limits[bucket - 1] ?? 0) + 1;
  const to = limits[bucket];
  if (to === undefined) return `over ${(from - 1).toLocaleString("en")}`;
  return from === to ? `${to}` : `${from.toLocaleString("en")}–${to.toLocaleString("en")}`;
}

/** The upper bound of the bucket that a part of all values reaches; of the last bucket, which has none, the lower one. */
function atMost(counts: readonly number[], limits: readonly number[], part: number): number | undefined {
  let left = part * counts.reduce((sum, count) => sum + (count ?? 0), 0);
  if (left === 0) return undefined;
  const bucket = Array.from(counts, (count = 0) => count).findIndex((count) => (left -= count) <= 0);
  return limits[bucket] ?? limits.at(-1);
}

/**
 * Estimates a quantile from the buckets of a histogram: within a bucket, values are taken to be spread evenly.
 *
 * @param limits the upper bounds of the buckets, in seconds; the last bucket has none
 * @returns ms; undefined if there are no values
 */
export function quantile(counts: readonly number[], limits: readonly number[], part: number): number | undefined {
  const total = counts.reduce((sum, count) => sum + (count ?? 0), 0);
  if (total === 0) return undefined;
  let below = 0;
  for (let bucket = 0; bucket < counts.length; bucket++) {
    const count = counts[bucket] ?? 0;
    if (count > 0 && below + count >= part * total) {
      const from = limits[bucket - 1] ?? 0;
      const to = limits[bucket] ?? from;
      return 1000 * (from + (to - from) * (part * total - below) / count);
    }
    below += count;
  }
  return undefined;
}
