/** A log line for each request, with the request's id, which the answer has as well. */

import { logAccess } from "../../observability/logging.ts";
import { fieldsOfHead } from "../fields.ts";
import { CLIENT_LEFT, type Handle, type UnreadableRequest } from "../h1/mod.ts";
import { contextOf, traceIdOf } from "../request_context.ts";

/** Logs each request that `next` answers; an answer in parts is logged when its last part was sent. */
export function accessLog(next: Handle): Handle {
  return async function accessLog(request) {
    const start = performance.now();
    const answer = await next(request);
    const { method, path } = request.head;
    const fields = fieldsOfHead(request.head);
    // The answer carries the id that the route generated and sent to the worker.
    const said = answer.headers["x-request-id"];
    const context = said === undefined || fields.traceparent !== null ? contextOf(fields) : undefined;
    const id = said ?? context!.id;
    const headers = request.trace?.headers ?? context;
    const trace = headers && traceIdOf(headers);
    const tell = (status: number, parts?: number) =>
      logAccess({ method, path, status, ms: performance.now() - start, parts, request_id: id, trace_id: trace });
    if (answer.ended === undefined) tell(request.left ? CLIENT_LEFT : answer.status);
    else void answer.ended.then(({ status, parts }) => tell(status, parts));
    return said !== undefined ? answer : { ...answer, headers: { ...answer.headers, "x-request-id": id } };
  };
}

/** Method and path at the beginning of an unreadable head. */
const BEGINNING = /^([\w!#$%&'*+.^`|~-]+) ([\x21-\x3e\x40-\x7e]+)/;

/** Logs a request that was refused because its head can't be read. A method or path that is unknown is logged as `-`. */
export function logUnreadable(status: number, { beginning, ms }: UnreadableRequest, id: string): void {
  const [, method = "-", path = "-"] = BEGINNING.exec(beginning) ?? [];
  logAccess({ method, path, status, ms, request_id: id });
}
