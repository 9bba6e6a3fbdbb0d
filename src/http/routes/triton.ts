/**
 * Triton's extensions of the Open Inference Protocol that its clients and tools read: the configuration of a model, statistics, and the
 * list of models. https://github.com/triton-inference-server/server/tree/main/docs/protocol
 */

import type { Context } from "hono";
import type { Histogram } from "../../observability/metrics.ts";
import type { Model, Models, ModelState } from "../../supervisor/mod.ts";
import { bodyOf } from "../content_encoding.ts";
import { fieldsOfHead } from "../fields.ts";
import type { Incoming } from "../h1/mod.ts";
import type { Metrics } from "../metrics.ts";
import { HttpProblem } from "../problem.ts";
import type { Signature, TensorSpec } from "../v2/mod.ts";
import { demandReady } from "./health.ts";
import { MODEL_VERSION } from "./inference.ts";

/** `GET /v2/models/NAME/config`: the declared tensors and the number of workers, in the form of Triton's `ModelConfig`. */
export function modelConfig(model: Model) {
  return function modelConfig(c: Context): Response {
    demandReady(model.state);
    const { name, size } = model;
    const { platform = "python", inputs = [], outputs = [] } = model.signature as Signature | undefined ?? {};
    return c.json({
      name,
      platform,
      backend: "python",
      version_policy: { latest: { num_versions: 1 } },
      // Triton's dimensions leave out that of a batch, unless this is 0.
      max_batch_size: 0,
      input: inputs.map(tensorConfig),
      output: outputs.map(tensorConfig),
      instance_group: [{ name, kind: "KIND_AUTO", count: size }],
    });
  };
}

function tensorConfig({ name, datatype, shape }: TensorSpec): object {
  return { name, data_type: `TYPE_${datatype === "BYTES" ? "STRING" : datatype}`, dims: shape };
}

/** `GET /v2/models/NAME/stats` and `GET /v2/models/stats`: what these models have counted since the start, whatever path the requests had. */
export function statistics(models: readonly Model[], metrics: Pick<Metrics, "countRequests">) {
  return async function statistics(c: Context): Promise<Response> {
    // The workers report the times of functions about once a second, or when they are asked.
    await Promise.all(models.map((model) => model.askUsage()));
    return c.json({ model_stats: models.map((model) => statisticsOf(model, metrics)) });
  };
}

function statisticsOf(model: Model, metrics: Pick<Metrics, "countRequests">): object {
  let [succeeded, failed, seconds] = [0, 0, 0];
  metrics.countRequests(model.name, {
    addStatus: (status, count) => void (status < 400 ? succeeded += count : failed += count),
    addLatency: ({ sum }) => void (seconds += sum),
  });
  const measures = model.figures?.measures;
  const stages = Object.fromEntries(measures?.stages ?? []);
  const batches = countOf(measures?.batches);
  return {
    name: model.name,
    version: MODEL_VERSION,
    inference_count: succeeded,
    execution_count: batches > 0 ? batches : countOf(stages["predict"]),
    inference_stats: {
      // One histogram has the times of all requests.
      success: { count: succeeded, ns: nanoseconds(seconds) },
      fail: { count: failed, ns: 0 },
      queue: duration(stages["queue"]),
      compute_input: duration(stages["deserialize"]),
      compute_infer: duration(stages["predict"]),
      compute_output: duration(stages["serialize"]),
      cache_hit: duration(undefined),
      cache_miss: duration(undefined),
    },
    response_stats: {},
    batch_stats: [],
    memory_usage: [],
  };
}

function duration(histogram: Histogram | undefined): object {
  return { count: countOf(histogram), ns: nanoseconds(histogram?.sum ?? 0) };
}

function countOf(histogram: Histogram | undefined): number {
  return histogram?.counts.reduce((sum, count) => sum + count, 0) ?? 0;
}

function nanoseconds(seconds: number): number {
  return Math.round(seconds * 1e9);
}

/** The longest body of a request for the list of models, in bytes: it has one member. */
const MAX_INDEX_BODY = 4096;

/** `POST /v2/repository/index`: all models and their states; with `{"ready": true}`, those that answer requests. */
export function repositoryIndex(models: Models) {
  return async function repositoryIndex(c: Context): Promise<Response> {
    const incoming = c.env as Incoming;
    const body = await bodyOf(incoming, fieldsOfHead(incoming.head).contentEncoding, MAX_INDEX_BODY);
    const onlyReady = asksForReady(body);
    const entries = models.all.map(({ name, state }) => ({ name, version: MODEL_VERSION, ...STATES[state] }));
    return c.json(onlyReady ? entries.filter(({ state }) => state === "READY") : entries);
  };
}

/** @throws {HttpProblem} 400 if the body is neither empty nor such an object */
function asksForReady(body: Uint8Array): boolean {
  if (body.length === 0) return false;
  let request: unknown;
  try {
    request = JSON.parse(new TextDecoder().decode(body));
  } catch {
    // It is refused below.
  }
  if (typeof request === "object" && request !== null && !Array.isArray(request)) {
    const { ready = false } = request as { ready?: unknown };
    if (typeof ready === "boolean") return ready;
  }
  throw new HttpProblem(400, `The body must be empty, or a JSON object such as {"ready": true}`);
}

/** Triton's names of states. */
const STATES: Readonly<Record<ModelState, { readonly state: string; readonly reason: string }>> = {
  ready: { state: "READY", reason: "" },
  degraded: { state: "READY", reason: "" },
  loading: { state: "LOADING", reason: "" },
  restarting: { state: "LOADING", reason: "The workers are restarted" },
  failed: { state: "UNAVAILABLE", reason: "The model has failed; the server's log says why" },
  stopping: { state: "UNLOADING", reason: "" },
};
