/** Describes the requests and answers of all routes as an OpenAPI document (3.1.1, https://spec.openapis.org/oas/v3.1.1). */

import { VERSION } from "../../version.ts";
import { MODEL_VERSION } from "../routes/inference.ts";
import { CONTEXT, EXECUTION, json, operation, type OperationOptions } from "./operation.ts";
import { SCHEMAS } from "./schemas.ts";

/** What the OpenAPI document is made from. */
export interface Described {
  /** The document's title. */
  readonly title: string;
  /** Names of the models; `/invocations` exists for a single model only. */
  readonly names: readonly string[];
  /** Paths that answer as `/invocations` and `/ping`. */
  readonly predictRoute?: string | undefined;
  readonly healthRoute?: string | undefined;
  /** Whether there is a page at `/`. @default true */
  readonly console?: boolean | undefined;
  /** Whether requests need a token. */
  readonly secured: boolean;
}

const INVOKE: OperationOptions = {
  summary: "Bytes to deserialize(), predict() and serialize()",
  content: { "*/*": {} },
  problems: EXECUTION,
  executes: true,
  more: {
    description:
      "A script that answers in parts sends Server-Sent Events if Accept has text/event-stream, and a chunked " +
      "body otherwise; events that it makes itself are passed through. A body of text/uri-list names where the input is, and where the output goes.",
    parameters: CONTEXT,
    requestBody: { content: { "*/*": {} } },
  },
};

const INFER: OperationOptions = {
  summary: "Tensors to tensors",
  content: { ...json("InferResponse"), "application/octet-stream": {} },
  problems: [...EXECUTION, 404],
  executes: true,
  more: {
    description: "With raw bytes behind the JSON, Inference-Header-Content-Length says how long the JSON is.",
    parameters: [
      ...CONTEXT,
      { name: "Inference-Header-Content-Length", in: "header", schema: { type: "integer", minimum: 0 } },
    ],
    requestBody: { required: true, content: { ...json("InferRequest"), "application/octet-stream": {} } },
  },
};

const HEALTH: OperationOptions = {
  summary: "Whether requests are executed",
  content: json("Health"),
  problems: [503],
  open: true,
};

const RELOAD: OperationOptions = {
  summary: "Replace all workers by new ones, which load the script again",
  content: json("Reloaded"),
  problems: [403, 409, 500, 503],
  more: {
    description:
      "What SIGHUP does. Needs a token with the scope admin; without tokens, a request from the machine itself to a server on a " +
      "loopback address.",
    parameters: [{
      name: "Prefer",
      in: "header",
      description: "respond-async: answer 202 at once, and not at the end of the reload",
      schema: { type: "string" },
    }],
  },
  accepted: "The reload has begun",
};

/** Makes the OpenAPI document of a server with these models. */
export function describe({ title, names, predictRoute, healthRoute, console = true, secured }: Described): object {
  const get = (options: OperationOptions) => ({ get: operation(options, secured) });
  const post = (options: OperationOptions) => ({ post: operation(options, secured) });
  const name = {
    name: "name",
    in: "path",
    required: true,
    description: "The model",
    schema: { type: "string", enum: names },
  };
  const version = { name: "version", in: "path", required: true, schema: { const: MODEL_VERSION } };
  // The path may name an unknown model.
  const named = (options: OperationOptions) => ({ ...options, problems: [...options.problems ?? [], 404 as const] });

  const ofModel = {
    "": get(named({ summary: "What its script says of its tensors", content: json("ModelMetadata") })),
    "/ready": get(
      named({ summary: "Whether it executes requests", content: json("ModelReady"), problems: [503], open: true }),
    ),
    "/infer": post(INFER),
  };
  return {
    openapi: "3.1.1",
    info: { title, version: VERSION, summary: "What aimodellib serves" },
    paths: {
      ...(names.length === 1 && { "/invocations": post(INVOKE) }),
      ...(names.length === 1 && predictRoute !== undefined && { [predictRoute]: post(INVOKE) }),
      "/ping": get(HEALTH),
      ...(healthRoute !== undefined && { [healthRoute]: get(HEALTH) }),
      "/health/ready": get(HEALTH),
      "/health/live": get({ summary: "Whether the process runs", content: json("Live"), open: true }),
      "/metrics": get({ summary: "Metrics in Prometheus's text format", content: { "text/plain": {} } }),
      ...(console && {
        "/": get({ summary: "A page to try the model with", content: { "text/html": {} }, open: true }),
      }),
      "/admin/reload": post(RELOAD),
      "/openapi.json": get({ summary: "This document", content: { "application/json": {} } }),
      "/models/{name}/invocations": { parameters: [name], ...post(named(INVOKE)) },
      "/models/{name}/ping": { parameters: [name], ...get(named(HEALTH)) },
      "/v2": get({ summary: "What this server is", content: json("ServerMetadata") }),
      "/v2/health/live": get({ summary: "Whether the process runs", content: json("ServerLive"), open: true }),
      "/v2/health/ready": get({ ...HEALTH, content: json("ServerReady") }),
      "/v2/models": get({ summary: "The names of all models", content: json("ModelList") }),
      ...Object.fromEntries(
        Object.entries(ofModel).flatMap(([path, item]) => [
          [`/v2/models/{name}${path}`, { parameters: [name], ...item }],
          [`/v2/models/{name}/versions/{version}${path}`, { parameters: [name, version], ...item }],
        ]),
      ),
    },
    components: {
      schemas: SCHEMAS,
      ...(secured && { securitySchemes: { token: { type: "http", scheme: "bearer" } } }),
    },
  };
}
