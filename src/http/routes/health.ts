/** Health routes: `/ping` and `/health/ready` report whether models answer requests, `/health/live` that the process runs. */

import type { Context } from "hono";
import type { Model, Models } from "../../supervisor/mod.ts";
import { VERSION } from "../../version.ts";
import { HttpProblem } from "../problem.ts";

/** 200 when a worker of the model is ready (`degraded` if others are not), else 503 with the reason. */
export function ready(model: Model) {
  return function ready(c: Context): Response {
    const { state, readyWorkers, size } = model;
    demandReady(state);
    return c.json({ status: state, workers: { ready: readyWorkers, expected: size } });
  };
}

/**
 * Reports the state of all models together, and their facts; with several models, the state of each.
 *
 * @param mayKnow whether the caller may see which models are served; load balancers ask without a token
 */
export function allReady(models: Models, mayKnow: (c: Context) => boolean) {
  const { all } = models;
  return function allReady(c: Context): Response {
    const { state } = models;
    demandReady(state);
    const sum = (of: (model: Model) => number) => all.reduce((total, model) => total + of(model), 0);
    return c.json({
      status: state,
      workers: { ready: sum(({ readyWorkers }) => readyWorkers), expected: sum(({ size }) => size) },
      ...(mayKnow(c) && {
        ...(all.length > 1 && { models: Object.fromEntries(all.map(({ name, state }) => [name, state])) }),
        served: Object.fromEntries(all.map(({ name, facts }) => [name, facts ?? {}])),
        version: VERSION,
      }),
    });
  };
}

/** Answers `/health/live`: always 200 while this process runs. */
export function live(c: Context): Response {
  return c.json({ status: "live" });
}

/**
 * Does nothing if the model answers requests, and throws otherwise.
 *
 * @throws {HttpProblem} 503
 */
export function demandReady(state: Model["state"]): void {
  if (state === "ready" || state === "degraded") return;
  throw new HttpProblem(503, `The model is not ready: ${state}`, { state }, { "retry-after": "1" });
}
