/**
 * A line for each request, and its id: that of the header `X-Request-Id`, or one of our own. The answer has it, too.
 *
 * Only where it is asked for: it is on the way of every request.
 */

import type { Context, MiddlewareHandler, Next } from "hono";
import { getLogger } from "@logtape/logtape";

const log = getLogger(["aimodellib", "access"]);

/** What may stand in a log and a header, whoever sent it. */
const REQUEST_ID = /^[\w.:/+=@-]{1,128}$/;
/** W3C Trace Context, version 00: the trace's id is the second field. */
const TRACEPARENT = /^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Makes the middleware. */
export function accessLog(): MiddlewareHandler {
  return async function accessLog(c: Context, next: Next): Promise<void> {
    const start = performance.now();
    const { headers, method } = c.req.raw;
    const given = headers.get("x-request-id");
    const id = given !== null && REQUEST_ID.test(given) ? given : crypto.randomUUID();
    await next();
    c.res.headers.set("x-request-id", id);
    const trace = TRACEPARENT.exec(headers.get("traceparent") ?? "")?.[1];
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
