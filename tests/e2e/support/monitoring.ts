/** The dashboard of docs/grafana.json. */

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
