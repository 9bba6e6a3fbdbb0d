/**
 * A line for each request, with its id, which the answer has, too.
 *
 * Only where it is asked for: it is on the way of every request.
 */

import type { Context, MiddlewareHandler, Next } from "hono";
import { getLogger } from "@logtape/logtape";
import { endingOf } from "../fetch_types.ts";
import { fieldsOf } from "../fields.ts";
import { CLIENT_LEFT, type Incoming, type UnreadableRequest } from "../h1/mod.ts";
import { contextOf, traceIdOf } from "../request_context.ts";

const log = getLogger(["aimodellib", "access"]);

const LINE = "{method} {path} {status} {ms} ms";
const LINE_OF_PARTS = `${LINE}, {parts} parts`;

/** Makes the middleware that logs one line for each request. */
export function accessLog(): MiddlewareHandler {
  return async function accessLog(c: Context, next: Next): Promise<void> {
    const start = performance.now();
    await next();
    const incoming = c.env as Incoming;
    const { method, fields } = incoming.head;
    const context = contextOf(fieldsOf(fields));
    // A route that has made an id has told it to the worker.
    const id = c.res.headers.get("x-request-id") ?? context.id;
    c.res.headers.set("x-request-id", id);
    const trace = traceIdOf(context);
    const { path } = c.req;
    const tell = (status: number, parts?: number) =>
      log.info(parts === undefined ? LINE : LINE_OF_PARTS, {
        method,
        path,
        status,
        ms: rounded(performance.now() - start),
        ...(parts !== undefined && { parts }),
        request_id: id,
        ...(trace !== undefined && { trace_id: trace }),
      });
    const { res } = c;
    const ended = endingOf(res);
    if (ended === undefined) tell(incoming.left ? CLIENT_LEFT : res.status);
    else void ended.then(({ status, parts }) => tell(status, parts));
  };
}

/** Method and path, as far as they came. */
const BEGINNING = /^([\w!#$%&'*+.^`|~-]+) ([\x21-\x3e\x40-\x7e]+)/;

/** Logs a request that was refused since its head can't be read. What can't be told of it is `-`. */
export function logUnreadable(status: number, { beginning, ms }: UnreadableRequest, id: string): void {
  const [, method = "-", path = "-"] = BEGINNING.exec(beginning) ?? [];
  log.info(LINE, { method, path, status, ms: rounded(ms), request_id: id });
}

/** To microseconds. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
