/**
 * A line for each request, with its id, which the answer has, too.
 *
 * Only where it is asked for: it is on the way of every request.
 */

import type { Context, MiddlewareHandler, Next } from "hono";
import { getLogger } from "@logtape/logtape";
import { fieldsOf } from "../fields.ts";
import type { Incoming } from "../h1/mod.ts";
import { contextOf, traceIdOf } from "../request_context.ts";

const log = getLogger(["aimodellib", "access"]);

/** Makes the middleware. */
export function accessLog(): MiddlewareHandler {
  return async function accessLog(c: Context, next: Next): Promise<void> {
    const start = performance.now();
    await next();
    const { method, fields } = (c.env as Incoming).head;
    const context = contextOf(fieldsOf(fields));
    // A route that has made an id has told it to the worker.
    const id = c.res.headers.get("x-request-id") ?? context.id;
    c.res.headers.set("x-request-id", id);
    const trace = traceIdOf(context);
    log.info("{method} {path} {status} {ms} ms", {
      method,
      path: c.req.path,
      status: c.res.status,
      ms: Math.round((performance.now() - start) * 1000) / 1000,
      request_id: id,
      ...(trace !== undefined && { trace_id: trace }),
    });
  };
}
