/** The result of a load test as numbers: the JSON of `aimodellib bench --json`. Times are in ms. */

import type { Bar, Histogram } from "./histogram.ts";
import type { Load } from "./load.ts";

/** A distribution of times in ms; null where nothing was recorded. */
export interface Distribution {
  readonly min: number | null;
  readonly mean: number | null;
  readonly p50: number | null;
  readonly p75: number | null;
  readonly p90: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  readonly p99_9: number | null;
  readonly max: number | null;
}

/** The result of a load test. */
export interface Figures {
  readonly url: string;
  readonly contentType: string;
  readonly bodyBytes: number;
  readonly connections: number;
  /** The requested rate, in requests per second; null if each connection waited for its answers. */
  readonly targetRate: number | null;
  /** For how long requests were sent. */
  readonly durationMs: number;
  readonly requests: {
    readonly sent: number;
    /** Requests that were answered, with any status. */
    readonly answered: number;
    /** Requests that were answered with a status from 200 to 299. */
    readonly succeeded: number;
    /** Requests whose connection failed. */
    readonly failed: number;
    /** Requests without an answer at the end, including those that were due and could not be sent. */
    readonly unanswered: number;
  };
  /** Answers per second, while requests were sent. */
  readonly rate: number;
  readonly bytesReceived: number;
  /** From when a request was due to the end of its answer. */
  readonly latency: Distribution;
  /** From when a request was due to the first byte of its answer. */
  readonly firstByte: Distribution;
  /** Bars of equal ratio, from the shortest to the longest latency. */
  readonly histogram: readonly Bar[];
  readonly statuses: Readonly<Record<string, { readonly count: number; readonly latency: Distribution }>>;
  /** How often connections failed, by reason. */
  readonly failures: Readonly<Record<string, number>>;
  readonly client: {
    /** The share of the time in which the sending thread was busy, from 0 to 1; null if the system does not report it. */
    readonly busy: number | null;
    /** How late requests were sent although a connection was free. */
    readonly lateness: Distribution;
    /** Whether this program, and not the server, limited the rate or made latencies longer. */
    readonly isLimit: boolean;
  };
}

/** The parameters of a load test. */
export interface Asked {
  readonly url: string;
  readonly contentType: string;
  readonly bodyBytes: number;
  readonly connections: number;
  readonly rate?: number | undefined;
}

/** Above this share of the time, the sending thread is the limit. */
const BUSY = 0.9;

/** If requests are sent later than this, in ms, this program is too slow: timers alone are up to 2 ms late. */
const LATE_MS = 10;

const BARS = 12;

/**
 * Sums up a load test that has ended.
 *
 * @param answeredInTime how many requests were answered before the sending ended
 * @param busy the share of the time in which the sending thread was busy
 */
export function figuresOf(load: Load, answeredInTime: number, asked: Asked, busy: number | undefined): Figures {
  const { tally, lateness, elapsedMs } = load;
  const { latency } = tally;
  return {
    url: asked.url,
    contentType: asked.contentType,
    bodyBytes: asked.bodyBytes,
    connections: asked.connections,
    targetRate: asked.rate ?? null,
    durationMs: rounded(elapsedMs),
    requests: {
      sent: load.sent,
      answered: tally.answered,
      succeeded: tally.succeeded,
      failed: tally.failed,
      unanswered: tally.unanswered,
    },
    rate: Math.round(answeredInTime / elapsedMs * 1e5) / 100,
    bytesReceived: tally.bytesReceived,
    latency: distributionOf(latency),
    firstByte: distributionOf(tally.firstByte),
    histogram: latency.bars(BARS).map(({ upToMs, count }) => ({ upToMs: rounded(upToMs), count })),
    statuses: Object.fromEntries(
      [...tally.statuses].sort(([a], [b]) => a - b)
        .map(([status, times]) => [status, { count: times.count, latency: distributionOf(times) }]),
    ),
    failures: Object.fromEntries([...tally.failures].sort(([, a], [, b]) => b - a)),
    client: {
      busy: busy === undefined ? null : Math.round(busy * 100) / 100,
      lateness: distributionOf(lateness),
      isLimit: (busy ?? 0) > BUSY || lateness.quantile(0.99) > LATE_MS,
    },
  };
}

function distributionOf(histogram: Histogram): Distribution {
  const value = (ms: number) => Number.isNaN(ms) ? null : rounded(ms);
  const quantile = (share: number) => value(histogram.quantile(share));
  return {
    min: value(histogram.min),
    mean: value(histogram.mean),
    p50: quantile(0.5),
    p75: quantile(0.75),
    p90: quantile(0.9),
    p95: quantile(0.95),
    p99: quantile(0.99),
    p99_9: quantile(0.999),
    max: value(histogram.max),
  };
}

/** Rounds a time in ms to µs. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
