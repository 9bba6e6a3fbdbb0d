/** `GET /console/facts`: what is served, by what, and within which limits. */

import type { Context } from "hono";
import type { Model, Models } from "../../supervisor/mod.ts";
import { VERSION } from "../../version.ts";
import type { Facts, Limits, ModelFacts } from "../../web/wire.ts";
import type { Incoming } from "../h1/mod.ts";

/** The digits of a digest that tell archives apart for people. */
const DIGITS = 12;

/** What the handler needs besides the models. */
export interface FactsOptions {
  readonly limits: Limits | undefined;
  readonly secured: boolean;
  /** Whether the sender of a request may read log lines and paths, and whether it may reload. */
  readonly mayReadLog: (request: Incoming) => boolean;
  readonly mayReload: (request: Incoming) => boolean;
}

/** Makes the handler that tells what is served. */
export function consoleFacts(models: Models, { limits, secured, mayReadLog, mayReload }: FactsOptions) {
  const { all } = models;
  const started = Date.now();
  return function consoleFacts(c: Context): Response {
    const request = c.env as Incoming;
    const may = { logs: mayReadLog(request), reload: mayReload(request) };
    const facts: Facts = {
      version: VERSION,
      started,
      now: Date.now(),
      models: all.map((model) => factsOf(model, all.length === 1, may.logs)),
      ...(limits && { limits }),
      secured,
      may,
    };
    return c.json(facts, 200, { "cache-control": "no-store" });
  };
}

function factsOf(model: Model, alone: boolean, withPaths: boolean): ModelFacts {
  const { name, state, size, readyWorkers, facts, paths, failure } = model;
  return {
    name,
    state,
    path: alone ? "invocations" : `models/${name}/invocations`,
    workers: size,
    ready: readyWorkers,
    ...facts,
    ...(facts?.sha256 !== undefined && { digest: facts.sha256.slice(0, DIGITS) }),
    ...(withPaths && paths && { module: paths.module, modelDir: paths.modelDir, pythonPath: paths.python }),
    ...(withPaths && state === "failed" && { failure }),
  };
}
