/** Describes the requests and answers of one route for OpenAPI. */

import { schema } from "./schemas.ts";

const PROBLEMS = {
  400: "The request is malformed, or deserialize() raised an exception",
  401: "The token is missing or unknown",
  403: "The token's scope does not include this, or a host of a text/uri-list body is not allowed",
  404: "No such route or model",
  406: "serialize() supports none of the types in Accept",
  409: "Another reload is in progress",
  413: "The body exceeds --max-body, as sent or after decoding",
  415: "The body has a Content-Encoding other than gzip and deflate",
  424: "The model failed: predict() or serialize() raised an exception, the worker died, or the request took too long",
  431: "Content-Type and Accept are too long",
  500: "predict() or serialize() raised an exception, or an internal error occurred",
  502: "The worker died while executing the request, which is not retried",
  503: "The model is not ready, or too many requests wait; Retry-After says when to try again",
  504: "The request took longer than --request-timeout",
} as const;

/** A status that a route answers with problem details. */
export type ProblemStatus = keyof typeof PROBLEMS;

/** Error statuses of all routes that a worker executes. */
export const EXECUTION: readonly ProblemStatus[] = [400, 403, 406, 413, 415, 431, 500, 502, 503, 504];

const HEADERS = {
  "X-Request-Id": {
    description: "The request's id: the client's own, or a generated one",
    schema: { type: "string" },
  },
};

/** Request headers of all routes that a worker executes. */
export const CONTEXT: readonly object[] = [
  ["X-Request-Id", "The request's id, if it has 1 to 128 characters of A-Z a-z 0-9 _ . : / + = @ -; otherwise ignored"],
  ["traceparent", "W3C Trace Context, passed to the script"],
  ["tracestate", "W3C Trace Context, passed to the script"],
  ["X-Amzn-SageMaker-Custom-Attributes", "Passed to the script, and returned in the answer"],
  ["Prefer", "server-timing: the answer says in Server-Timing how long each stage took"],
].map(([name, description]) => ({ name, in: "header", description, schema: { type: "string" } }));

/** A route, as the OpenAPI document describes it. */
export interface OperationOptions {
  readonly summary: string;
  /** The body of a 200 answer, by content type. */
  readonly content: object;
  readonly problems?: readonly ProblemStatus[];
  /** Whether a script may choose other statuses for its exceptions. */
  readonly executes?: boolean;
  /** The body of an error, by content type. @default problem details */
  readonly errors?: object;
  /** Whether the route needs no token even if others do. */
  readonly open?: boolean;
  /** The meaning of a 202 answer, if the route has one. */
  readonly accepted?: string;
  /** More members of the operation. */
  readonly more?: object;
}

/** Describes JSON content that matches a named schema. */
export function json(name: Parameters<typeof schema>[0]): object {
  return { "application/json": { schema: schema(name) } };
}

/**
 * Describes one route as an OpenAPI operation object.
 *
 * @param secured whether this server requires tokens
 */
export function operation(
  { summary, content, problems = [], executes = false, open = false, errors = PROBLEM, accepted, more = {} }:
    OperationOptions,
  secured: boolean,
): object {
  const all = new Set<ProblemStatus>(problems);
  if (secured && !open) all.add(401).add(403);
  return {
    summary,
    ...(secured && { security: open ? [] : [{ token: [] }] }),
    ...more,
    responses: Object.fromEntries([
      [200, { description: "Success", content }],
      ...accepted === undefined ? [] : [[202, { description: accepted, content: { "application/json": {} } }]],
      ...[...all].sort((a, b) => a - b).map((status) => [status, problem(PROBLEMS[status], errors)]),
      ...executes
        ? [["default", problem("The script raised an exception that chooses this status, 400 to 599", errors)]]
        : [],
    ]),
  };
}

const PROBLEM = { "application/problem+json": { schema: schema("Problem") } };

function problem(description: string, content: object): object {
  return {
    description,
    headers: HEADERS,
    content,
  };
}
