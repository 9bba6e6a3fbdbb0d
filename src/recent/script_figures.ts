/** The metrics of scripts, as the console shows them. */

import type { Metric } from "../observability/metrics.ts";
import type { ScriptFigures, ScriptSeries } from "../web/wire.ts";

/** The most series that are shown. A script may have thousands, which are for Prometheus. */
const MOST = 200;

/** Describes the metrics of models; undefined if no script has any. */
export function describeScripts(
  models: readonly { readonly name: string; readonly metrics: readonly Metric[] }[],
): ScriptFigures | undefined {
  const figures = new Map<string, ScriptSeries[]>();
  let shown = 0;
  let all = 0;
  for (const { name: model, metrics } of models) {
    const series: ScriptSeries[] = [];
    for (const { name, help, type, values } of metrics) {
      all += values.length;
      for (const [labels, value] of values.slice(0, MOST - shown)) {
        shown++;
        series.push({
          name,
          help,
          type,
          labels,
          ...(typeof value === "number"
            ? { value: asJson(value) }
            : { value: asJson(value.sum), count: sum(value.counts) }),
        });
      }
    }
    if (series.length > 0) figures.set(model, series);
  }
  return all === 0 ? undefined : { models: Object.fromEntries(figures), ...(all > shown && { more: all - shown }) };
}

function sum(counts: Float64Array): number {
  return counts.reduce((total, count) => total + count, 0);
}

/** A number as JSON can have it: `JSON.stringify()` makes `null` of NaN and of infinite numbers. */
function asJson(value: number): ScriptSeries["value"] {
  return Number.isFinite(value) ? value : String(value) as ScriptSeries["value"];
}
