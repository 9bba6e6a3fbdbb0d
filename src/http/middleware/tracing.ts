/** Traces each request to a model: a span with the attributes of OpenTelemetry's conventions for HTTP servers. */

import type { Attributes, Recording, Tracing } from "../../tracing/types.ts";
import { type Answer, CLIENT_LEFT, type Handle, type Incoming } from "../h1/mod.ts";
import { fieldOf, fieldsOfHead } from "../fields.ts";
import { traceOf } from "../request_context.ts";

/** What a path that is known beforehand leads to. */
export interface TracedRoute {
  /** The path, with `{name}` in place of a model's name. */
  readonly route: string;
  readonly model?: string | undefined;
}

/** Methods that may be part of a span's name: clients could invent any number of others. */
const METHODS: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "OPTIONS",
  "PATCH",
  "CONNECT",
  "TRACE",
]);

/**
 * Traces the requests that `next` answers.
 *
 * @param routes what paths lead to; requests for all others are traced without a route
 * @param left paths whose requests are not traced, such as health checks
 */
export function traced(
  tracing: Tracing,
  routes: ReadonlyMap<string, TracedRoute>,
  left: ReadonlySet<string>,
  scheme: "http" | "https",
  next: Handle,
): Handle {
  return function traced(request) {
    if (left.has(request.head.path)) return next(request);
    const { traceparent, tracestate } = fieldsOfHead(request.head);
    const trace = tracing.begin(traceparent === null ? undefined : traceOf(traceparent, tracestate));
    request.trace = trace;
    return trace.recording === undefined ? next(request) : record(request, trace.recording, routes, scheme, next);
  };
}

async function record(
  request: Incoming,
  recording: Recording,
  routes: ReadonlyMap<string, TracedRoute>,
  scheme: string,
  next: Handle,
): Promise<Answer> {
  const end = (status: number, sent: number | undefined, id: string | undefined, parts?: number) => {
    const { method, path } = request.head;
    const found = routes.get(path);
    const known = METHODS.has(method);
    const name = known ? method : "HTTP";
    recording.end({
      name: found === undefined ? name : `${name} ${found.route}`,
      status,
      parts,
      attributes: {
        ...ofRequest(request, scheme, known),
        ...(found && { "http.route": found.route }),
        ...(found?.model !== undefined && { "aimodellib.model": found.model }),
        ...(id !== undefined && { "aimodellib.request_id": id }),
        ...(sent === undefined ? { "error.type": "client_disconnected" } : { "http.response.status_code": sent }),
      },
    });
  };
  let answer: Answer;
  try {
    answer = await next(request);
  } catch (error) {
    // Only a bug leads here; the connection answers 500.
    end(500, 500, undefined);
    throw error;
  }
  const { status } = answer;
  const id = answer.headers["x-request-id"];
  if (answer.ended === undefined) request.left ? end(CLIENT_LEFT, undefined, id) : end(status, status, id);
  else {void answer.ended.then((ended) =>
      end(ended.status, ended.status === CLIENT_LEFT ? undefined : status, id, ended.parts)
    );}
  return answer;
}

function ofRequest({ head }: Incoming, scheme: string, known: boolean): Attributes {
  const { method, path, host, fields, old, length } = head;
  const agent = fieldOf(fields, "user-agent");
  return {
    "http.request.method": known ? method : "_OTHER",
    ...(!known && { "http.request.method_original": method }),
    "url.path": path,
    "url.scheme": scheme,
    ...serverOf(host),
    "network.protocol.name": "http",
    "network.protocol.version": old ? "1.0" : "1.1",
    ...(length !== undefined && { "http.request.body.size": length }),
    ...(agent !== null && { "user_agent.original": agent }),
  };
}

/** Splits the header Host. */
function serverOf(host: string | undefined): Attributes {
  const [, address, port] = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(host ?? "") ?? [];
  return {
    ...(address && { "server.address": address }),
    ...(port !== undefined && { "server.port": Number(port) }),
  };
}
