/** The metrics of scripts, as the console shows them. */

import type { Metric } from "../observability/metrics.ts";
import type { ScriptFigures, ScriptSeries } from "../web/wire.ts";

/** The most series that are shown. A script may have thousands, which are for Prometheus. */
const MOST = 200;

/** Describes the metrics of models; undefined if no script has any. */
export function describeScripts(
  models: readonly { readonly name: string; readonly metrics: readonly Metric[] }[],
): ScriptFigures | undefined {
  const figures: Record<string, ScriptSeries[]> = {};
  let shown = 0;
  let all = 0;
  for (const { name: model, metrics } of models) {
    for (const { name, help, type, values } of metrics) {
      all += values.length;
      for (const [labels, value] of values.slice(0, MOST - shown)) {
        shown++;
        (figures[model] ??= []).push({
          name,
          help,
          type,
          labels,
          ...(typeof value === "number" ? { value } : { value: value.sum, count: sum(value.counts) }),
        });
      }
    }
  }
  return all === 0 ? undefined : { models: figures, ...(all > shown && { more: all - shown }) };
}

function sum(counts: Float64Array): number {
  return counts.reduce((total, count) => total + count, 0);
}
