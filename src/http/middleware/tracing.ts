/** Traces each request to a model: a span with the attributes of OpenTelemetry's conventions for HTTP servers. */

import type { Description, Recording, Tracing } from "../../tracing/types.ts";
import { type Answer, CLIENT_LEFT, type Handle, type Head, type Incoming } from "../h1/mod.ts";
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
    recording.end({ status, parts, describe: description(request.head, routes, scheme, sent, id) });
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

/**
 * Returns a function that describes a request. Of the request, it keeps only the head in memory.
 *
 * @param sent the status that was sent; undefined if the client had disconnected
 * @param id the request's id
 */
function description(
  head: Head,
  routes: ReadonlyMap<string, TracedRoute>,
  scheme: string,
  sent: number | undefined,
  id: string | undefined,
): () => Description {
  return () => {
    const { method, path } = head;
    const found = routes.get(path);
    const known = METHODS.has(method);
    const name = known ? method : "HTTP";
    const attributes = ofRequest(head, scheme, known);
    if (found !== undefined) attributes["http.route"] = found.route;
    if (found?.model !== undefined) attributes["aimodellib.model"] = found.model;
    if (id !== undefined) attributes["aimodellib.request_id"] = id;
    if (sent === undefined) attributes["error.type"] = "client_disconnected";
    else attributes["http.response.status_code"] = sent;
    return { name: found === undefined ? name : `${name} ${found.route}`, attributes };
  };
}

/** Assigns each attribute alone, which is several times as fast as spreading objects. */
function ofRequest(head: Head, scheme: string, known: boolean): Description["attributes"] {
  const { method, path, host, fields, old, length } = head;
  const attributes: Record<string, string | number> = {
    "http.request.method": known ? method : "_OTHER",
    "url.path": path,
    "url.scheme": scheme,
    "network.protocol.name": "http",
    "network.protocol.version": old ? "1.0" : "1.1",
  };
  if (!known) attributes["http.request.method_original"] = method;
  const [, address, port] = HOST.exec(host ?? "") ?? [];
  if (address) attributes["server.address"] = address;
  if (port !== undefined) attributes["server.port"] = Number(port);
  if (length !== undefined) attributes["http.request.body.size"] = length;
  const agent = fieldOf(fields, "user-agent");
  if (agent !== null) attributes["user_agent.original"] = agent;
  return attributes;
}

/** The parts of the header Host. */
const HOST = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/;
