/** The routes of the Open Inference Protocol V2, https://github.com/kserve/open-inference-protocol. */

import type { Context } from "hono";
import { MAX_BODY_BYTES } from "../../bridge/mod.ts";
import type { Model, Models } from "../../supervisor/mod.ts";
import { freeLarge } from "../../memory.ts";
import { VERSION } from "../../version.ts";
import { bodyOf } from "../content_encoding.ts";
import type { WriteProblem } from "../error_forms.ts";
import { fieldsOfHead } from "../fields.ts";
import { type Answer, CLIENT_LEFT, type Incoming } from "../h1/mod.ts";
import { headText } from "../head_text.ts";
import { askWhole } from "../ask_whole.ts";
import { metadataEncoders } from "../metadata.ts";
import type { Meter } from "../metrics.ts";
import { HttpProblem, problemFrom } from "../problem.ts";
import { answerHeaders, contextOf } from "../request_context.ts";
import { asksForTiming, Timing } from "../timing.ts";
import type { Signature, Transcoder } from "../v2/mod.ts";
import { demandReady } from "./health.ts";
import type { InvocationOptions } from "./invocations.ts";

/** The version that all models report: a process serves one version of a model. */
export const MODEL_VERSION = "1";

/** The most bytes made from tensors for a script even if `--max-body` is lower: JSON is longer than binary numbers. */
const MIN_MADE = 16 * 2 ** 20;

/** The upper bound of that limit: the longest body that a worker accepts, less the header of a NumPy file. */
const MAX_MADE = MAX_BODY_BYTES - 4096;

/** The extensions of Triton that are complete. */
const EXTENSIONS = ["binary_tensor_data", "model_configuration", "statistics"];

/** `GET /v2`: name, version and extensions of this server. */
export function serverMetadata(c: Context): Response {
  return c.json({ name: "aimodellib", version: VERSION, extensions: EXTENSIONS });
}

/** `GET /v2/health/live` */
export function serverLive(c: Context): Response {
  return c.json({ live: true });
}

/** `GET /v2/health/ready`: like `/health/ready`. A single failed model must not keep requests from the others. */
export function serverReady(models: Models) {
  return function serverReady(c: Context): Response {
    demandReady(models.state);
    return c.json({ ready: true });
  };
}

/** `GET /v2/models`: the names of all models. */
export function modelList(models: Models) {
  return function modelList(c: Context): Response {
    return c.json({ models: models.all.map(({ name }) => name) });
  };
}

/** `GET /v2/models/NAME`: the tensors that its script declares; the parameters say where the model comes from. */
export function modelMetadata(model: Model) {
  return function modelMetadata(c: Context): Response {
    const { platform = "python", inputs = [], outputs = [] } = signatureOf(model) ?? {};
    const { name, facts: parameters = {} } = model;
    return c.json({ name, versions: [MODEL_VERSION], platform, inputs, outputs, parameters });
  };
}

/** `GET /v2/models/NAME/ready` */
export function modelReady(model: Model) {
  return function modelReady(c: Context): Response {
    demandReady(model.state);
    return c.json({ name: model.name, ready: true });
  };
}

/**
 * Makes the handler of `POST /v2/models/NAME/infer`: tensors in, tensors out. It never rejects.
 *
 * @param meter counts its requests
 * @param write makes the answers to requests that fail
 */
export function infer(
  model: Model,
  { maxBody, ownsAuthorization = false, memory }: InvocationOptions,
  transcoder: Transcoder,
  meter: Meter,
  write: WriteProblem,
): (request: Incoming) => Promise<Answer> {
  const lend = memory && ((length: number) => memory.lend(length));
  const most = Math.min(Math.max(maxBody, MIN_MADE), MAX_MADE);
  const encoders = metadataEncoders();
  const description = { name: model.name, version: MODEL_VERSION };
  return async function infer(request) {
    const start = meter.begin();
    const fields = fieldsOfHead(request.head);
    const about = contextOf(fields, request.trace);
    const head = () => headText(request.head, ownsAuthorization);
    let status = 200;
    let timing: Timing | undefined;
    let lent: Answer["lease"];
    try {
      const signature = signatureOf(model);
      // JSON is written anew for the script, but a tensor in binary can be passed on from where it is received.
      const place = fields.inferenceHeaderLength === null ? undefined : lend;
      const body = await bodyOf(request, fields.contentEncoding, maxBody, place);
      if (asksForTiming(fields.prefer)) timing = new Timing();
      const measuring = { recording: request.trace?.recording, timing };
      const received = body.length;
      const length = jsonLength(fields.inferenceHeaderLength);
      const { calls, accept, asked } = await transcoder.decode(
        { body, jsonLength: length, signature, most },
        request,
        request.lease !== undefined,
      );
      request.hold(Math.max(0, calls.reduce((sum, { body }) => sum + body.length, 0) - received));
      const results = await Promise.all(
        calls.map(({ body, contentType }) => {
          // The results of several calls are copied into one answer.
          const invocation = { head, body, lease: request.lease, borrows: calls.length === 1, client: request };
          return askWhole(model, encoders, [contentType, accept], about, invocation, measuring);
        }),
      );
      freeLarge(body);
      lent = results[0]?.lease;
      const made = results.map(({ body, contentType, lease }) => ({
        body,
        contentType,
        room: lease && body.byteOffset,
      }));
      const answer = await transcoder.encode({ model: description, asked, results: made, signature }, request);
      const headers = { ...answer.headers, ...answerHeaders(about), ...timing?.headers() };
      return { status, headers, body: answer.body, lease: lent };
    } catch (error) {
      lent?.release();
      const problem = problemFrom(error).with({ ...answerHeaders(about), ...timing?.headers() });
      status = problem.status;
      return write(problem);
    } finally {
      meter.end(start, request.left ? CLIENT_LEFT : status);
    }
  };
}

function signatureOf(model: Model): Signature | undefined {
  return model.signature as Signature | undefined;
}

function jsonLength(text: string | null): number | undefined {
  if (text === null) return undefined;
  if (!/^\d{1,15}$/.test(text)) {
    throw new HttpProblem(400, `Inference-Header-Content-Length must be a number of bytes, not '${text}'`);
  }
  return Number(text);
}
