/** The HTTP application: which path is answered by what. */

import { type Context, Hono } from "hono";
import { getLogger } from "@logtape/logtape";
import type { Pool } from "../supervisor/mod.ts";
import { accessLog } from "./middleware/access_log.ts";
import { bearer } from "./middleware/bearer.ts";
import { Metrics } from "./metrics.ts";
import { HttpProblem } from "./problem.ts";
import { live, ready } from "./routes/health.ts";
import { home } from "./routes/home.ts";
import { type InvocationOptions, invocations } from "./routes/invocations.ts";
import { measurements } from "./routes/metrics.ts";
import type { Tokens } from "./tokens.ts";

const log = getLogger(["aimodellib", "http"]);

/** What the application needs to know. */
export interface AppOptions extends InvocationOptions {
  /** Path of the serving script; the page at `/` shows its name. */
  readonly script: string;
  /** Whether each request is logged. */
  readonly accessLog?: boolean | undefined;
  /** Who may ask; without them, everybody. */
  readonly tokens?: Tokens | undefined;
}

/** Puts the application together. */
export function createApp(pool: Pool, options: AppOptions): Hono {
  const app = new Hono();
  if (options.accessLog) app.use(accessLog());
  if (options.tokens !== undefined) app.use(bearer(options.tokens));
  const metrics = new Metrics(pool);
  const get = (path: string, handler: (c: Context) => Response | Promise<Response>) =>
    app.get(path, metrics.measured(path, handler));
  app.post("/invocations", metrics.measured("/invocations", invocations(pool, options)));
  for (const path of ["/ping", "/health/ready"]) get(path, ready(pool));
  get("/health/live", live);
  get("/metrics", measurements(metrics));
  get("/", home(pool, options));
  // A route of its own for the wrong methods would put a second handler on the way of every request.
  const methods = new Map(
    app.routes.filter(({ method }) => method !== "ALL").map((
      { path, method },
    ) => [path, method === "GET" ? "GET, HEAD" : method]),
  );
  app.notFound(({ req: { path, method } }) => {
    const allow = methods.get(path);
    metrics.countOther(allow === undefined ? 404 : 405);
    if (allow === undefined) return new HttpProblem(404, `There is nothing at '${path}'`).toResponse();
    return new HttpProblem(405, `'${path}' does not answer to ${method}, only to ${allow}`, {}, { allow }).toResponse();
  });
  app.onError((error) => {
    if (error instanceof HttpProblem) return error.toResponse();
    log.error("A request failed: {error}", { error: error.stack ?? error.message });
    return new HttpProblem(500, "The server failed; its log says why").toResponse();
  });
  return app;
}
