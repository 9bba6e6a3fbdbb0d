/** The bodies of requests and answers, as JSON Schema (2020-12). */

import { DATATYPES } from "../v2/datatype.ts";

const string = { type: "string" };
const count = { type: "integer", minimum: 0 };
const object = { type: "object" };

/** Refers to one of {@linkcode SCHEMAS}. */
export function schema(name: keyof typeof SCHEMAS): object {
  return { $ref: `#/components/schemas/${name}` };
}

/** The schema of a list. */
function list(items: object, more: object = {}): object {
  return { type: "array", items, ...more };
}

/** The schema of an object with these members. */
function members(properties: Readonly<Record<string, object>>, required: readonly string[]): object {
  return { type: "object", properties, required };
}

const datatype = { type: "string", enum: Object.keys(DATATYPES) };
const shape = list(count, { maxItems: 32 });
const state = { type: "string", enum: ["loading", "ready", "degraded", "restarting", "stopping", "failed"] };

/** The schema of the facts about an opened model. */
const facts = members({
  archive: { ...string, description: "The file name of the archive; absent for a module" },
  sha256: {
    ...string,
    description: "The SHA-256 of the archive; absent if the served files may differ from its content",
    pattern: "^[0-9a-f]{64}$",
  },
  script: { ...string, description: "The path of the script, relative to the module" },
  python: { ...string, description: "The version of Python" },
}, []);

const openAiModel = members(
  { id: string, object: { const: "model" }, created: count, owned_by: string },
  ["id", "object", "created", "owned_by"],
);

const tensorConfig = members(
  {
    name: string,
    data_type: { type: "string", enum: ["TYPE_STRING", ...Object.keys(DATATYPES).map((name) => `TYPE_${name}`)] },
    dims: list({ type: "integer", minimum: -1 }),
  },
  ["name", "data_type", "dims"],
);

const duration = members({ count, ns: count }, ["count", "ns"]);

const DURATIONS = [
  "success",
  "fail",
  "queue",
  "compute_input",
  "compute_infer",
  "compute_output",
  "cache_hit",
  "cache_miss",
];

const tensor = { name: string, datatype, shape };

const tensorSpec = members(
  {
    name: string,
    datatype,
    shape: list({ type: "integer", minimum: -1, description: "-1 for any size" }),
    content_type: { ...string, description: "The content type that the script expects or returns" },
  },
  ["name", "datatype", "shape"],
);

/** The schemas that the OpenAPI document refers to, by name. */
export const SCHEMAS = {
  Problem: {
    description: "Problem details (RFC 9457)",
    ...members(
      {
        type: { const: "about:blank" },
        title: string,
        status: { type: "integer", minimum: 400, maximum: 599 },
        detail: string,
        state: { ...state, description: "The state of a model that is not ready" },
        stage: {
          type: "string",
          enum: ["deserialize", "predict", "predict_batch", "serialize"],
          description: "The function of the script that raised the exception",
        },
        exception: { ...string, description: "The class of the exception" },
        message: { ...string, description: "The message of the exception" },
        param: { ...string, description: "The parameter of the request that is at fault, as the exception says" },
        code: { ...string, description: "A code of the exception, for programs" },
        error: { ...string, description: "The same as detail, for clients of KServe and Triton" },
      },
      ["type", "title", "status", "detail"],
    ),
  },
  OpenAiError: members({
    error: members(
      { message: string, type: string, param: { type: ["string", "null"] }, code: { type: ["string", "null"] } },
      ["message", "type", "param", "code"],
    ),
  }, ["error"]),
  SageMakerError: members(
    {
      Message: string,
      OriginalStatusCode: { type: "integer", description: "The status of the model's answer, of a ModelError" },
      OriginalMessage: { ...string, description: "The model's answer, as JSON" },
    },
    ["Message"],
  ),
  ExecutionParameters: members(
    {
      MaxConcurrentTransforms: { type: "integer", minimum: 1 },
      BatchStrategy: { const: "SINGLE_RECORD" },
      MaxPayloadInMB: { type: "integer", minimum: 1, maximum: 100 },
    },
    ["MaxConcurrentTransforms", "BatchStrategy", "MaxPayloadInMB"],
  ),
  Health: members(
    {
      status: { type: "string", enum: ["ready", "degraded"] },
      workers: members({ ready: count, expected: count }, ["ready", "expected"]),
      models: {
        type: "object",
        additionalProperties: state,
        description: "The state of each model, if there are several",
      },
      served: {
        type: "object",
        additionalProperties: facts,
        description: "Facts about each model; with authentication on, only for requests with a token",
      },
      version: { ...string, description: "The version of aimodellib" },
    },
    ["status", "workers"],
  ),
  Reloaded: members(
    { models: list(members({ name: string, reloaded: { const: true } }, ["name", "reloaded"])) },
    ["models"],
  ),
  Live: members({ status: { const: "live" } }, ["status"]),
  ServerMetadata: members({ name: string, version: string, extensions: list(string) }, [
    "name",
    "version",
    "extensions",
  ]),
  ServerLive: members({ live: { const: true } }, ["live"]),
  ServerReady: members({ ready: { const: true } }, ["ready"]),
  ModelList: members({ models: list(string) }, ["models"]),
  ModelListV1: members(
    {
      models: list(string, { description: "The names of all models, for KServe's clients" }),
      object: { const: "list" },
      data: list(openAiModel, { description: "The models that chat or embed, for OpenAI's clients" }),
    },
    ["models", "object", "data"],
  ),
  ModelV1: { allOf: [openAiModel, members({ name: string, ready: { const: true } }, ["name", "ready"])] },
  ModelReady: members({ name: string, ready: { const: true } }, ["name", "ready"]),
  ModelMetadata: members(
    {
      name: string,
      versions: list(string),
      platform: string,
      inputs: list(tensorSpec),
      outputs: list(tensorSpec),
      parameters: facts,
    },
    ["name", "versions", "platform", "inputs", "outputs", "parameters"],
  ),
  ModelConfig: members(
    {
      name: string,
      platform: string,
      backend: string,
      version_policy: object,
      max_batch_size: count,
      input: list(tensorConfig),
      output: list(tensorConfig),
      instance_group: list(members({ name: string, kind: string, count }, ["name", "kind", "count"])),
    },
    ["name", "platform", "backend", "max_batch_size", "input", "output"],
  ),
  ModelStatistics: members(
    {
      model_stats: list(
        members(
          {
            name: string,
            version: string,
            inference_count: count,
            execution_count: count,
            inference_stats: members(Object.fromEntries(DURATIONS.map((name) => [name, duration])), DURATIONS),
          },
          ["name", "version", "inference_count", "execution_count", "inference_stats"],
        ),
      ),
    },
    ["model_stats"],
  ),
  RepositoryIndexRequest: members({ ready: { type: "boolean", description: "Only models that answer requests" } }, []),
  RepositoryIndex: list(
    members(
      {
        name: string,
        version: string,
        state: { type: "string", enum: ["READY", "LOADING", "UNAVAILABLE", "UNLOADING"] },
        reason: string,
      },
      ["name", "version", "state", "reason"],
    ),
  ),
  InferRequest: members(
    {
      id: string,
      parameters: members({ binary_data_output: { type: "boolean" } }, []),
      inputs: list(
        members(
          {
            ...tensor,
            parameters: members(
              {
                content_type: { ...string, description: "The form in which deserialize() gets the tensor" },
                encoding: { ...string, description: "base64, if the elements of a BYTES tensor are encoded" },
                binary_data_size: { ...count, description: "The number of bytes after the JSON with its data" },
              },
              [],
            ),
            data: list({}, { description: "Nested or flat, in row-major order; absent with binary_data_size" }),
          },
          ["name", "datatype", "shape"],
        ),
        { minItems: 1 },
      ),
      outputs: list(
        members({ name: string, parameters: members({ binary_data: { type: "boolean" } }, []) }, ["name"]),
      ),
    },
    ["inputs"],
  ),
  InferResponse: members(
    {
      id: string,
      model_name: string,
      model_version: string,
      outputs: list(members({ ...tensor, parameters: object, data: list({}) }, ["name", "datatype", "shape"])),
    },
    ["model_name", "model_version", "outputs"],
  ),
};
