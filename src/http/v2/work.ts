/** What a thread does for requests of the Open Inference Protocol, and what goes to it and comes back. */

import { HttpProblem } from "../http_problem.ts";
import { type Calls, callsOf, jsonWork } from "./calls.ts";
import { parseInferRequest } from "./request.ts";
import { type Asked, type Encoded, encodeInferResponse } from "./response.ts";
import type { Result } from "./results.ts";
import type { Signature } from "./model_metadata.ts";

/** A request to read. */
export interface DecodeJob {
  readonly body: Uint8Array<ArrayBuffer>;
  /** See {@linkcode parseInferRequest}. */
  readonly jsonLength: number | undefined;
  readonly signature: Signature | undefined;
  /** See {@linkcode callsOf}. */
  readonly most: number;
}

/** What was read: the calls, and what the answer depends on. */
export interface Decoded extends Calls {
  readonly asked: Asked;
}

/** An answer to write. */
export interface EncodeJob {
  readonly model: { readonly name: string; readonly version: string };
  readonly asked: Asked;
  readonly results: readonly Result[];
  readonly signature: Signature | undefined;
}

/** Bytes of JSON that are read or written within a few milliseconds. */
const QUICK_JSON = 64 * 1024;

/** Bytes that are copied within a few milliseconds. */
const QUICK_BYTES = 8 * 2 ** 20;

/**
 * Reads a request and makes the calls that it asks for.
 *
 * @param quickly gives up before it does something that takes long
 * @returns undefined if it has given up
 * @throws {HttpProblem} see {@linkcode parseInferRequest} and {@linkcode callsOf}
 */
export function decode(job: DecodeJob, quickly: true): Decoded | undefined;
export function decode(job: DecodeJob, quickly: false): Decoded;
export function decode({ body, jsonLength, signature, most }: DecodeJob, quickly: boolean): Decoded | undefined {
  if (quickly && ((jsonLength ?? body.length) > QUICK_JSON || body.length > QUICK_BYTES)) return undefined;
  const request = parseInferRequest(body, jsonLength, signature);
  if (quickly && jsonWork(request) > 4 * QUICK_JSON) return undefined;
  const { id, outputs, binary, inputs: [{ datatype, contentType }] } = request;
  const first = { datatype, ...(contentType !== undefined && { contentType }) };
  return { ...callsOf(request, signature, most), asked: { id, outputs, binary, inputs: [first] } };
}

/**
 * Writes the answer to a request from the results of its calls.
 *
 * @param quickly gives up before it does something that takes long
 * @returns undefined if it has given up
 * @throws {HttpProblem} see {@linkcode encodeInferResponse}
 */
export function encode(job: EncodeJob, quickly: true): Encoded | undefined;
export function encode(job: EncodeJob, quickly: false): Encoded;
export function encode({ model, asked, results, signature }: EncodeJob, quickly: boolean): Encoded | undefined {
  if (quickly && results.reduce((sum, { body }) => sum + body.length, 0) > QUICK_JSON) return undefined;
  return encodeInferResponse(model, asked, results, signature);
}

/** What goes to a thread. */
export type WorkRequest =
  | { readonly id: number; readonly kind: "decode"; readonly job: DecodeJob }
  | { readonly id: number; readonly kind: "encode"; readonly job: EncodeJob };

/** What a thread sends back for one piece of work. */
export type WorkResponse =
  | { readonly id: number; readonly kind: "done"; readonly value: Decoded | Encoded }
  | { readonly id: number; readonly kind: "problem"; readonly status: number; readonly detail: string }
  | { readonly id: number; readonly kind: "failed"; readonly reason: string };

/** Does it; never throws. */
export function respond(request: WorkRequest): WorkResponse {
  const { id } = request;
  try {
    const value = request.kind === "decode" ? decode(request.job, false) : encode(request.job, false);
    return { id, kind: "done", value };
  } catch (error) {
    if (error instanceof HttpProblem) return { id, kind: "problem", status: error.status, detail: error.message };
    return { id, kind: "failed", reason: error instanceof Error ? error.stack ?? error.message : String(error) };
  }
}

/** The memory of bodies, each once: what it is sent with is its own from then on. */
export function buffersOf(bodies: readonly { readonly body: Uint8Array<ArrayBuffer> }[]): ArrayBuffer[] {
  return [...new Set(bodies.map(({ body }) => body.buffer))];
}
