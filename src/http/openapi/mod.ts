/** Describes the requests and answers of all routes as an OpenAPI document (3.1.1, https://spec.openapis.org/oas/v3.1.1). */

import { VERSION } from "../../version.ts";
import { MODEL_VERSION } from "../routes/inference.ts";
import { CONTEXT, EXECUTION, json, operation, type OperationOptions } from "./operation.ts";
import { type BodyExample, contentOf } from "./examples.ts";
import { SCHEMAS } from "./schemas.ts";
import { TAGS, withNames } from "./names.ts";

/** What the OpenAPI document is made from. */
export interface Described {
  /** The document's title. */
  readonly title: string;
  /** Names of the models; `/invocations` exists for a single model only. */
  readonly names: readonly string[];
  /** Paths that answer as `/invocations` and `/ping`. */
  readonly predictRoute?: string | undefined;
  readonly healthRoute?: string | undefined;
  /** Further paths that answer as `/invocations`. @default none */
  readonly routes?: readonly string[] | undefined;
  /** Whether there is a page at `/`. @default true */
  readonly console?: boolean | undefined;
  /** Samples of the models, as examples of request bodies. @default none */
  readonly samples?: readonly BodyExample[] | undefined;
  /** Whether requests need a token. */
  readonly secured: boolean;
}

const INVOKE: OperationOptions = {
  summary: "Predict: the body goes through deserialize(), predict() and serialize()",
  content: { "*/*": {} },
  problems: EXECUTION,
  executes: true,
  more: {
    description:
      "A streamed answer is sent as Server-Sent Events if Accept contains text/event-stream, and as a chunked body otherwise; " +
      "events that the script formats itself are passed through. A text/uri-list body contains the URIs of the input and of the output.",
    parameters: CONTEXT,
  },
};

const INFER: OperationOptions = {
  summary: "Predict: input tensors to output tensors",
  content: { ...json("InferResponse"), "application/octet-stream": {} },
  problems: [...EXECUTION, 404],
  executes: true,
  more: {
    description: "If binary data follows the JSON, Inference-Header-Content-Length is the length of the JSON.",
    parameters: [
      ...CONTEXT,
      { name: "Inference-Header-Content-Length", in: "header", schema: { type: "integer", minimum: 0 } },
    ],
    requestBody: { required: true, content: { ...json("InferRequest"), "application/octet-stream": {} } },
  },
};

/** A request of OpenAI's API. */
function openAi(summary: string, streams: boolean): OperationOptions {
  return {
    summary,
    content: { "application/json": {}, ...(streams && { "text/event-stream": {} }) },
    problems: [...EXECUTION, 404],
    executes: true,
    errors: json("OpenAiError"),
    more: {
      description: "For models whose scripts use aimodellib.openai. Errors have the form of OpenAI's API.",
      parameters: CONTEXT,
      requestBody: { required: true, content: { "application/json": { schema: { type: "object" } } } },
    },
  };
}

/** How requests of SageMaker's clients fail. */
const SAGEMAKER = {
  problems: [400, 403, 413, 415, 424, 431, 503],
  executes: false,
  errors: json("SageMakerError"),
} as const;

const OPENAI_CHAT = openAi("Chat: OpenAI's chat completions", true);
const OPENAI_EMBED = openAi("Embed: OpenAI's embeddings", false);

const INDEX: OperationOptions = {
  summary: "All models and their states",
  content: json("RepositoryIndex"),
  problems: [400, 413, 415],
  more: { requestBody: { content: json("RepositoryIndexRequest") } },
};

const HEALTH: OperationOptions = {
  summary: "Whether the server can execute requests",
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
      "Has the same effect as SIGHUP. Requires a token with the scope admin; if the server has no tokens, a request from the same machine " +
      "to a server on a loopback address.",
    parameters: [{
      name: "Prefer",
      in: "header",
      description: "respond-async: answer 202 at once instead of at the end of the reload",
      schema: { type: "string" },
    }],
  },
  accepted: "The reload has started",
};

/** Makes the OpenAPI document of a server with these models. */
export function describe(
  { title, names, predictRoute, healthRoute, routes = [], console = true, samples = [], secured }: Described,
): object {
  const get = (options: OperationOptions) => ({ get: operation(options, secured) });
  const post = (options: OperationOptions) => ({ post: operation(options, secured) });
  const { more, ...rest } = INVOKE;
  const invoke = { ...rest, more: { ...more, requestBody: { content: { ...contentOf(samples), "*/*": {} } } } };
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
    "": get(named({ summary: "Metadata of the model, including its tensors", content: json("ModelMetadata") })),
    "/ready": get(
      named({ summary: "Whether the model is ready", content: json("ModelReady"), problems: [503], open: true }),
    ),
    "/infer": post(INFER),
    "/config": get(
      named({ summary: "The model's configuration in Triton's form", content: json("ModelConfig"), problems: [503] }),
    ),
    "/stats": get(named({ summary: "What the model has counted", content: json("ModelStatistics") })),
  };
  return {
    openapi: "3.1.1",
    info: { title, version: VERSION, summary: "The routes of a server of aimodellib" },
    // Relative to this document, which may be behind a path of a proxy.
    servers: [{ url: "." }],
    tags: TAGS,
    paths: withNames({
      ...(names.length === 1 && { "/invocations": post(invoke) }),
      ...(names.length === 1 && predictRoute !== undefined && { [predictRoute]: post(invoke) }),
      ...(names.length === 1 && {
        "/execution-parameters": get({
          summary: "How SageMaker's Batch Transform is to send records",
          content: json("ExecutionParameters"),
          problems: [503],
        }),
      }),
      "/ping": get(HEALTH),
      "/health": get(HEALTH),
      ...(healthRoute !== undefined && { [healthRoute]: get(HEALTH) }),
      "/health/ready": get(HEALTH),
      "/health/live": get({ summary: "Whether the process is running", content: json("Live"), open: true }),
      "/version": get({ summary: "The version of the server", content: { "text/plain": {} } }),
      "/metrics": get({ summary: "Metrics in Prometheus's text format", content: { "text/plain": {} } }),
      ...(console && {
        "/": get({ summary: "A page to try the model with", content: { "text/html": {} }, open: true }),
        "/docs": get({ summary: "A page that shows this document", content: { "text/html": {} }, open: true }),
      }),
      "/v1/chat/completions": post(OPENAI_CHAT),
      "/v1/embeddings": post(OPENAI_EMBED),
      "/v1/models": get({
        summary: "The names of all models, and those that chat or embed",
        content: json("ModelListV1"),
        errors: json("OpenAiError"),
      }),
      "/v1/models/{name}": {
        parameters: [name],
        ...get(
          named({
            summary: "Whether the model is ready",
            content: json("ModelV1"),
            problems: [503],
            errors: json("OpenAiError"),
          }),
        ),
      },
      "/v1/models/{name}:predict": {
        parameters: [name],
        ...post(
          named({ ...invoke, summary: "Predict: as clients of KServe's V1 protocol ask", errors: json("Problem") }),
        ),
      },
      "/admin/reload": post(RELOAD),
      "/openapi.json": get({ summary: "This document", content: { "application/json": {} } }),
      "/models/{name}/invocations": { parameters: [name], ...post(named(invoke)) },
      "/endpoints/{name}/invocations": {
        parameters: [name],
        ...post(
          named({ ...invoke, ...SAGEMAKER, summary: "Predict: as invoke_endpoint() of SageMaker's clients asks" }),
        ),
      },
      "/endpoints/{name}/invocations-response-stream": {
        parameters: [name],
        ...post(named({
          ...invoke,
          ...SAGEMAKER,
          summary: "Predict: as invoke_endpoint_with_response_stream() of SageMaker's clients asks",
          content: { "application/vnd.amazon.eventstream": {} },
        })),
      },
      "/models/{name}/ping": { parameters: [name], ...get(named(HEALTH)) },
      "/v2": get({ summary: "What this server is", content: json("ServerMetadata") }),
      "/v2/health/live": get({ summary: "Whether the process runs", content: json("ServerLive"), open: true }),
      "/v2/health/ready": get({ ...HEALTH, content: json("ServerReady") }),
      ...(!names.includes("stats") && {
        "/v2/models/stats": get({ summary: "What all models have counted", content: json("ModelStatistics") }),
      }),
      "/v2/repository/index": post(INDEX),
      "/v2/models": get({ summary: "The names of all models", content: json("ModelList") }),
      ...Object.fromEntries(routes.map((path) => [path, post(invoke)])),
      ...Object.fromEntries(
        Object.entries(ofModel).flatMap(([path, item]) => [
          [`/v2/models/{name}${path}`, { parameters: [name], ...item }],
          [`/v2/models/{name}/versions/{version}${path}`, { parameters: [name, version], ...item }],
        ]),
      ),
    }),
    components: {
      schemas: SCHEMAS,
      ...(secured && { securitySchemes: { token: { type: "http", scheme: "bearer" } } }),
    },
  };
}
