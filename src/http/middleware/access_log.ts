/** A log line for each request, with the request's id, which the answer has as well. */

import { getLogger } from "@logtape/logtape";
import { fieldsOf } from "../fields.ts";
import { CLIENT_LEFT, type Handle, type UnreadableRequest } from "../h1/mod.ts";
import { contextOf, traceIdOf } from "../request_context.ts";

const log = getLogger(["aimodellib", "access"]);

const LINE = "{method} {path} {status} {ms} ms";
const LINE_OF_PARTS = `${LINE}, {parts} parts`;

/** Logs each request that `next` answers; an answer in parts is logged when its last part was sent. */
export function accessLog(next: Handle): Handle {
  return async function accessLog(request) {
    const start = performance.now();
    const answer = await next(request);
    const { method, path, fields } = request.head;
    const context = contextOf(fieldsOf(fields));
    // A route that has made an id has told it to the worker.
    const id = answer.headers["x-request-id"] ?? context.id;
    const trace = traceIdOf(context);
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
    if (answer.ended === undefined) tell(request.left ? CLIENT_LEFT : answer.status);
    else void answer.ended.then(({ status, parts }) => tell(status, parts));
    return "x-request-id" in answer.headers
      ? answer
      : { ...answer, headers: { ...answer.headers, "x-request-id": id } };
  };
}

/** Method and path, as far as they came. */
const BEGINNING = /^([\w!#$%&'*+.^`|~-]+) ([\x21-\x3e\x40-\x7e]+)/;

/** Logs a request that was refused because its head can't be read. A method or path that is unknown is logged as `-`. */
export function logUnreadable(status: number, { beginning, ms }: UnreadableRequest, id: string): void {
  const [, method = "-", path = "-"] = BEGINNING.exec(beginning) ?? [];
  log.info(LINE, { method, path, status, ms: rounded(ms), request_id: id });
}

/** To microseconds. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
