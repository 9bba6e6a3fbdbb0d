/** `GET /metrics`: metrics for Prometheus. */

import type { Context } from "hono";
import type { Metrics } from "../metrics.ts";

/** Makes the handler of `/metrics`, in the text format of Prometheus. */
export function measurements(metrics: Metrics) {
  return async function measurements(c: Context): Promise<Response> {
    return c.body(await metrics.format(), 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
  };
}
