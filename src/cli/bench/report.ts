/** Formats the result of a load test for people. */

import { GRACE_MS } from "../../bench/load.ts";
import type { Load } from "../../bench/load.ts";
import type { Distribution, Figures } from "../../bench/figures.ts";
import { formatBytes, formatCount } from "../terminal/format.ts";

const BAR_CELLS = 40;

const QUANTILES = [
  ["p50", "p50"],
  ["p75", "p75"],
  ["p90", "p90"],
  ["p95", "p95"],
  ["p99", "p99"],
  ["p99_9", "p99.9"],
  ["max", "max"],
] as const;

/** Returns one line about a running test: its figures so far. */
export function liveLine(load: Load, durationMs: number): string {
  const { tally, elapsedMs } = load;
  const { latency } = tally;
  const rate = tally.answered / Math.max(elapsedMs, 1) * 1000;
  const other = tally.answered - tally.succeeded + tally.failed;
  return [
    `${formatSeconds(elapsedMs)} of ${formatSeconds(durationMs)}`,
    `${formatNumber(rate)} requests/s`,
    `p50 ${formatMs(latency.quantile(0.5))}`,
    `p99 ${formatMs(latency.quantile(0.99))}`,
    ...(other > 0 ? [`${formatNumber(other)} failed`] : []),
  ].join("  ");
}

/**
 * Returns all figures as text: the request, rate, latencies, a histogram, statuses, and notes about the client.
 *
 * @param isStopped whether a signal has ended the test
 */
export function report(figures: Figures, isStopped: boolean): string {
  const { requests, latency } = figures;
  const seconds = figures.durationMs / 1000;
  const lines = [
    `POST ${figures.url}: ${formatBytes(figures.bodyBytes)} of ${figures.contentType}, ${describeLoad(figures)}`,
    "",
    `Requests   ${formatNumber(requests.answered)} answered in ${seconds.toFixed(1)} s, ${
      formatNumber(figures.rate)
    }/s` +
    `, ${formatBytes(figures.bytesReceived / Math.max(seconds, 0.001))}/s received`,
    `Latency    ${describeTimes(latency)}`,
    ...(isStream(figures) ? [`First byte ${describeTimes(figures.firstByte)}`] : []),
    "",
    ...drawHistogram(figures),
    ...Object.entries(figures.statuses).map(([status, { count, latency }], index) =>
      `${index === 0 ? "Status" : "      "}     ${status}  ${formatNumber(count)}` +
      (status.startsWith("2") ? "" : `  (p50 ${formatMs(latency.p50)}, p99 ${formatMs(latency.p99)})`)
    ),
    ...Object.entries(figures.failures).map(([reason, count], index) =>
      `${index === 0 ? "Failures" : "        "}   ${formatNumber(count)} times ${reason}`
    ),
    ...notes(figures, isStopped).flatMap((note) => ["", note]),
  ];
  return `${lines.join("\n")}\n`;
}

function describeLoad({ targetRate, connections }: Figures): string {
  const lines = `${connections} ${connections === 1 ? "connection" : "connections"}`;
  return targetRate === null ? lines : `${formatNumber(targetRate)} requests/s over at most ${lines}`;
}

function describeTimes(times: Distribution): string {
  return QUANTILES.map(([key, name]) => `${name} ${formatMs(times[key])}`).join("  ");
}

/** Whether whole answers took notably longer than their first bytes. */
function isStream({ latency, firstByte }: Figures): boolean {
  return (latency.p50 ?? 0) > 2 * (firstByte.p50 ?? Infinity);
}

function drawHistogram({ histogram }: Figures): string[] {
  if (histogram.length < 2) return [];
  const most = Math.max(...histogram.map(({ count }) => count));
  const labels = histogram.map(({ upToMs }) => formatMs(upToMs));
  const width = Math.max(...labels.map(({ length }) => length));
  return [
    ...histogram.map(({ count }, index) =>
      `  up to ${labels[index]!.padStart(width)}  ${
        "█".repeat(Math.ceil(count / most * BAR_CELLS)).padEnd(BAR_CELLS)
      }  ${formatNumber(count)}`
    ),
    "",
  ];
}

/** Notes that a reader needs to interpret the figures correctly. */
function notes({ requests, client, targetRate, rate }: Figures, isStopped: boolean): string[] {
  return [
    ...(requests.unanswered > 0
      ? [
        `${formatNumber(requests.unanswered)} ${requests.unanswered === 1 ? "request" : "requests"} had no answer ${
          isStopped ? "when the test was stopped" : `${GRACE_MS / 1000} s after the end`
        }. The latencies include them with the time that they have waited.`,
      ]
      : []),
    ...(targetRate !== null && rate < targetRate * 0.98
      ? [
        `The server answered ${formatNumber(rate)} of ${
          formatNumber(targetRate)
        } requests/s; the others waited, which the latencies include.`,
      ]
      : []),
    ...(client.isLimit
      ? [
        client.busy !== null && client.busy > 0.9
          ? `This program was busy for ${
            Math.round(client.busy * 100)
          } % of the time, so it limited the rate and made latencies longer. ` +
            "Run it on another machine or several times at once, or use a lower --rate."
          : `This program sent one request in 100 more than ${
            formatMs(client.lateness.p99)
          } late, because it had no processor time. Run it on another machine, or use a lower --rate.`,
      ]
      : []),
  ];
}

/** Formats a time, such as `0.163 ms`, `12.1 ms` or `1.20 s`. */
function formatMs(ms: number | null): string {
  if (ms === null || Number.isNaN(ms)) return "–";
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms >= 100 ? ms.toFixed(0) : ms >= 10 ? ms.toFixed(1) : ms >= 1 ? ms.toFixed(2) : ms.toFixed(3)} ms`;
}

function formatSeconds(ms: number): string {
  return `${ms < 10_000 && ms % 1000 !== 0 ? (ms / 1000).toFixed(1) : Math.round(ms / 1000)} s`;
}

/** Formats a number of requests, with a decimal place below 10. */
function formatNumber(value: number): string {
  return value < 10 && !Number.isInteger(value) ? value.toFixed(1) : formatCount(value);
}
