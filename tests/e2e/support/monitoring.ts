/** The dashboard of docs/grafana.json, and the queries of docs/kubernetes.md. */

import { ROOT } from "../../../scripts/project.ts";

/** The parsed dashboard. */
export const DASHBOARD: unknown = JSON.parse(Deno.readTextFileSync(`${ROOT}/docs/grafana.json`));

/** All PromQL expressions in a part of the dashboard, as they are written there. */
export function expressionsOf(part: unknown): string[] {
  if (typeof part !== "object" || part === null) return [];
  return Object.entries(part).flatMap(([key, value]) =>
    key === "expr" && typeof value === "string" ? [value] : expressionsOf(value)
  );
}

const KUBERNETES = Deno.readTextFileSync(`${ROOT}/docs/kubernetes.md`);

/** All PromQL expressions on the page about Kubernetes, with the Prometheus adapter's placeholders replaced. */
export function queriesOfKubernetes(): string[] {
  return [...KUBERNETES.matchAll(/^ +(query|metricsQuery|- seriesQuery): (.*)$/gm)].map(([, , query]) =>
    query!.replaceAll("<<.GroupBy>>", "pod").replaceAll("<<.Series>>", "aimodellib_requests_in_flight")
      .replaceAll("<<.LabelMatchers>>", 'namespace="default",pod="model-1"')
  );
}
