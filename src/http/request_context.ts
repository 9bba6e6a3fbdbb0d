/**
 * The context of a request: its id, its trace, and SageMaker's custom attributes.
 *
 * The worker gets the context for the lines that a script logs, and each answer, whatever its status, repeats the id.
 */

import { unsampledTraceparent } from "../tracing/ids.ts";
import type { RequestTrace, TraceHeaders } from "../tracing/types.ts";
import type { Fields } from "./fields.ts";

/** An id that is safe in a log and in a header, whoever sent it. */
const REQUEST_ID = /^[\w.:/+=@-]{1,128}$/;
/**
 * W3C Trace Context, section 4.3: the version, then the ids of the trace and of the parent, and flags. A later version is parsed
 * like 00; the fields that it adds follow another hyphen.
 */
const TRACEPARENT =
  /^(?:00(?=.{53}$)|(?!00|ff)[0-9a-f]{2}(?=.{53}(?:-|$)))(-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2})/;
/** W3C Trace Context: at least 512 characters must be passed on; longer values may be dropped. */
const TRACESTATE = /^[\x20-\x7e]{1,512}$/;
/** SageMaker's limit for `X-Amzn-SageMaker-Custom-Attributes`: visible ASCII, up to 1,024 characters. */
const CUSTOM_ATTRIBUTES = /^[\x20-\x7e]{1,1024}$/;

const CUSTOM_ATTRIBUTES_HEADER = "x-amzn-sagemaker-custom-attributes";

/** The longest result of {@linkcode toText}, in bytes: custom attributes are most of it, and each of their characters may need an escape. */
export const MAX_TEXT_BYTES = 4096;

/** The context of a request. Malformed headers are ignored. */
export interface RequestContext {
  /** The value of `X-Request-Id`, or a generated id. */
  readonly id: string;
  /** W3C Trace Context. */
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
  /** The header `X-Amzn-SageMaker-Custom-Attributes`. */
  readonly customAttributes?: string | undefined;
}

/** Prefix of the ids that this process generates; a number follows. */
const PREFIX = `${crypto.randomUUID().replaceAll("-", "").slice(0, 12)}-`;
let made = 0;

/**
 * Reads the context from the headers of a request.
 *
 * @param trace the request's trace, if requests are traced. Its headers replace those of the client
 */
export function contextOf(
  { requestId, traceparent, tracestate, customAttributes }: Fields,
  trace?: RequestTrace,
): RequestContext {
  const id = requestId !== null && REQUEST_ID.test(requestId) ? requestId : `${PREFIX}${++made}`;
  const headers = trace?.headers ?? (traceparent === null ? undefined : traceOf(traceparent, tracestate));
  // All requests get an object with the same fields: otherwise the few that are sampled make reading it slower for all.
  return {
    id,
    traceparent: headers?.traceparent,
    tracestate: headers?.tracestate,
    customAttributes: matching(CUSTOM_ATTRIBUTES, customAttributes),
  };
}

/** Returns the trace headers in the version that this program knows; undefined if they are malformed. */
export function traceOf(said: string, tracestate: string | null): TraceHeaders | undefined {
  const [, ids] = TRACEPARENT.exec(said) ?? [];
  if (ids === undefined) return undefined;
  return { traceparent: `00${ids}`, tracestate: matching(TRACESTATE, tracestate) };
}

function matching(pattern: RegExp, value: string | null): string | undefined {
  return value !== null && pattern.test(value) ? value : undefined;
}

/** Returns the trace id, 32 hexadecimal digits; undefined without a trace. */
export function traceIdOf({ traceparent }: Pick<RequestContext, "traceparent">): string | undefined {
  return traceparent?.slice(3, 35);
}

/** Serializes a context for a worker, as ASCII JSON. @param traceparent what the script gets in place of the request's */
export function toText(
  { id, traceparent: own, tracestate, customAttributes }: RequestContext,
  traceparent = own,
): string {
  // Neither an id nor a traceparent has characters that need an escape.
  if (tracestate === undefined && customAttributes === undefined) {
    return traceparent === undefined ? `{"id":"${id}"}` : `{"id":"${id}","traceparent":"${traceparent}"}`;
  }
  return JSON.stringify({ id, traceparent, tracestate, custom_attributes: customAttributes });
}

/**
 * Returns the headers of an answer to the request. `nosniff` keeps browsers from guessing another content type: a script may
 * return what somebody has sent.
 */
export function answerHeaders({ id, customAttributes }: RequestContext): Record<string, string> {
  return customAttributes === undefined
    ? { "x-request-id": id, "x-content-type-options": "nosniff" }
    : { "x-request-id": id, "x-content-type-options": "nosniff", [CUSTOM_ATTRIBUTES_HEADER]: customAttributes };
}

/**
 * Returns the headers for a request that is made on behalf of this one.
 *
 * @param trace the trace of this one, if requests are traced. Without headers it is not sampled, and the other request must not be either
 */
export function headersToPassOn(
  { id, traceparent, tracestate }: RequestContext,
  trace: RequestTrace | undefined,
): Record<string, string> {
  const parent = traceparent ?? (trace === undefined ? undefined : unsampledTraceparent());
  return {
    "x-request-id": id,
    ...(parent !== undefined && { traceparent: parent }),
    ...(tracestate !== undefined && { tracestate }),
  };
}
