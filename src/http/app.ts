/** The HTTP application: which path is answered by what. */

import { type Context, Hono } from "hono";
import { getLogger } from "@logtape/logtape";
import type { Pool } from "../supervisor/mod.ts";
import { HttpProblem } from "./problem.ts";
import { live, ready } from "./routes/health.ts";
import { home } from "./routes/home.ts";
import { type InvocationOptions, invocations } from "./routes/invocations.ts";

const log = getLogger(["aimodellib", "http"]);

/** What the application needs to know. */
export interface AppOptions extends InvocationOptions {
  /** Path of the serving script; the page at `/` shows its name. */
  readonly script: string;
}

/** Puts the application together. */
export function createApp(pool: Pool, options: AppOptions): Hono {
  const app = new Hono();
  app.post("/invocations", invocations(pool, options)).all(only("POST"));
  for (const path of ["/ping", "/health/ready"]) app.get(path, ready(pool)).all(only("GET, HEAD"));
  app.get("/health/live", live).all(only("GET, HEAD"));
  app.get("/", home(pool, options)).all(only("GET, HEAD"));
  app.notFound((c) => new HttpProblem(404, `There is nothing at '${c.req.path}'`).toResponse());
  app.onError((error) => {
    if (error instanceof HttpProblem) return error.toResponse();
    log.error("A request failed: {error}", { error: error.stack ?? error.message });
    return new HttpProblem(500, "The server failed; its log says why").toResponse();
  });
  return app;
}

/** Answers 405 to the methods that a path does not have. */
function only(allow: string) {
  return function only(c: Context): Response {
    const detail = `'${c.req.path}' does not answer to ${c.req.method}, only to ${allow}`;
    return new HttpProblem(405, detail, {}, { allow }).toResponse();
  };
}
