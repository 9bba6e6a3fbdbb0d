/** The work of a thread for requests of the Open Inference Protocol, and its messages. */

import { HttpProblem } from "../http_problem.ts";
import { type Calls, callsOf, jsonWork } from "./calls.ts";
import { parseInferRequest } from "./request.ts";
import { type Asked, type Encoded, encodeInferResponse, isRaw } from "./response.ts";
import type { Result } from "./results.ts";
import type { Signature } from "./model_metadata.ts";

/** The job of reading a request. */
export interface DecodeJob {
  readonly body: Uint8Array<ArrayBuffer>;
  /** See {@linkcode parseInferRequest}. */
  readonly jsonLength: number | undefined;
  readonly signature: Signature | undefined;
  /** See {@linkcode callsOf}. */
  readonly most: number;
}

/** A request that was read: its calls, and the parts on which the answer depends. */
export interface Decoded extends Calls {
  readonly asked: Asked;
}

/** The job of writing an answer. */
export interface EncodeJob {
  readonly model: { readonly name: string; readonly version: string };
  readonly asked: Asked;
  readonly results: readonly Result[];
  readonly signature: Signature | undefined;
}

/** The most JSON that is read or written within a few milliseconds, in bytes. */
const QUICK_JSON = 64 * 1024;

/** The most bytes that are copied within a few milliseconds. */
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
  // The JSON was read, and is not needed any more.
  return { ...callsOf(request, signature, most, jsonLength), asked: { id, outputs, binary, inputs: [first] } };
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
  if (
    quickly &&
    results.reduce((sum, { body }) => sum + body.length, 0) > (isRaw(asked, results) ? QUICK_BYTES : QUICK_JSON)
  ) {
    return undefined;
  }
  return encodeInferResponse(model, asked, results, signature);
}

/** A message to a thread. */
export type WorkRequest =
  | { readonly id: number; readonly kind: "decode"; readonly job: DecodeJob }
  | { readonly id: number; readonly kind: "encode"; readonly job: EncodeJob };

/** What a thread sends back for one piece of work. */
export type WorkResponse =
  | { readonly id: number; readonly kind: "done"; readonly value: Decoded | Encoded }
  | { readonly id: number; readonly kind: "problem"; readonly status: number; readonly detail: string }
  | { readonly id: number; readonly kind: "failed"; readonly reason: string };

/** Performs a thread's piece of work; errors become part of the response. */
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

/** Returns the buffers of bodies, each once, to transfer them to another thread. */
export function buffersOf(bodies: readonly { readonly body: Uint8Array<ArrayBuffer> }[]): ArrayBuffer[] {
  return [...new Set(bodies.map(({ body }) => body.buffer))];
}
