/** Health: `/ping` and `/health/ready` say whether requests are answered, `/health/live` that this process runs. */

import type { Context } from "hono";
import type { Pool } from "../../supervisor/mod.ts";
import { HttpProblem } from "../problem.ts";

/** 200 when a worker is ready (`degraded` if others are not), else 503 with the reason. */
export function ready(pool: Pool) {
  return function ready(c: Context): Response {
    const { state, readyWorkers, size } = pool;
    if (state === "ready" || state === "degraded") {
      return c.json({ status: state, workers: { ready: readyWorkers, expected: size } });
    }
    throw new HttpProblem(503, `The model is not ready: ${state}`, { state }, { "retry-after": "1" });
  };
}

/** Always 200. */
export function live(c: Context): Response {
  return c.json({ status: "live" });
}
