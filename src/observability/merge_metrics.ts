/** Combines the metrics of several models, whose scripts may give the same name to different things. */

import type { Labels, Metric } from "./metrics.ts";

/**
 * Combines metrics of the same name into one, with the label `model`. Prometheus allows one type for each name: a metric that has another
 * type than that of a model before it, or whose series have the name of another metric, is left out.
 *
 * @param onLeftOut called with each metric that is left out
 */
export function mergeMetrics(
  models: readonly { readonly model: string; readonly metrics: readonly Metric[] }[],
  onLeftOut: (model: string, metric: Metric) => void,
): Metric[] {
  const merged = new Map<string, Metric>();
  const taken = new Map<string, string>();
  for (const { model, metrics } of models) {
    for (const metric of metrics) {
      const { name, type } = metric;
      const known = merged.get(name);
      const names = namesOf(metric);
      if ((known !== undefined && known.type !== type) || names.some((one) => (taken.get(one) ?? name) !== name)) {
        onLeftOut(model, metric);
        continue;
      }
      for (const one of names) taken.set(one, name);
      const values = metric.values.map(([labels, value]) => [{ model, ...labels } as Labels, value] as const);
      merged.set(name, { ...metric, values: [...known?.values ?? [], ...values] });
    }
  }
  return [...merged.values()];
}

/** The names of a metric's series. */
function namesOf({ name, type }: Metric): string[] {
  return type === "histogram" ? [name, `${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
}
