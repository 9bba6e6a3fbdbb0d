/** The answer to a request for inference: tensors as JSON, or as raw bytes behind it. */

import { HttpProblem } from "../problem.ts";
import { isByElements } from "./calls.ts";
import { formatJson } from "./json.ts";
import type { InferRequest, RequestedOutput } from "./request.ts";
import { type Result, tensorsOf } from "./results.ts";
import type { Signature } from "./signature.ts";
import { bytesOf, elementsOf, type Tensor, valuesOf } from "./tensor.ts";

/** An answer's body, and the headers that say what it is. */
export interface Encoded {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Writes it.
 *
 * @param model what the answer says it is from
 * @throws {HttpProblem} 400 for an output that is not there, 406 for one that JSON can't hold, 500 if the results are no tensors
 */
export function encodeInferResponse(
  model: { readonly name: string; readonly version: string },
  request: InferRequest,
  results: readonly Result[],
  signature: Signature | undefined,
): Encoded {
  const tensors = tensorsOf(results, isByElements(request), signature);
  const raw: Uint8Array<ArrayBuffer>[] = [];
  const outputs = chosen(tensors, request.outputs).map(([tensor, { binary = request.binary }]) => {
    const { name, datatype, shape, contentType } = tensor;
    const about = { name, datatype, shape };
    const type = contentType === undefined ? {} : { content_type: contentType };
    if (!binary) {
      const { data, ...how } = jsonOf(tensor);
      const parameters = { ...type, ...how };
      return { ...about, ...(Object.keys(parameters).length > 0 && { parameters }), data };
    }
    const bytes = bytesOf(tensor);
    raw.push(bytes);
    return { ...about, parameters: { ...type, binary_data_size: bytes.length } };
  });
  const { id } = request;
  const json = new TextEncoder().encode(
    formatJson({ ...(id !== undefined && { id }), model_name: model.name, model_version: model.version, outputs }),
  );
  if (raw.length === 0) return { body: json, headers: { "content-type": "application/json" } };
  const body = new Uint8Array(raw.reduce((sum, { length }) => sum + length, json.length));
  let offset = 0;
  for (const part of [json, ...raw]) {
    body.set(part, offset);
    offset += part.length;
  }
  return {
    body,
    headers: { "content-type": "application/octet-stream", "inference-header-content-length": String(json.length) },
  };
}

function chosen(
  tensors: readonly Tensor[],
  requested: readonly RequestedOutput[] | undefined,
): (readonly [Tensor, Partial<RequestedOutput>])[] {
  if (requested === undefined) return tensors.map((tensor) => [tensor, {}]);
  return requested.map((output) => {
    const tensor = tensors.find(({ name }) => name === output.name);
    if (tensor === undefined) {
      const known = tensors.map(({ name }) => `'${name}'`).join(", ");
      throw new HttpProblem(400, `There is no output '${output.name}'; there is ${known}`);
    }
    return [tensor, output.binary === undefined ? {} : { binary: output.binary }];
  });
}

function jsonOf(tensor: Tensor): { readonly data: readonly unknown[]; readonly encoding?: "base64" } {
  if (tensor.datatype === "BYTES") {
    try {
      return { data: valuesOf(tensor) };
    } catch {
      return { data: elementsOf(tensor).map((element) => element.toBase64()), encoding: "base64" };
    }
  }
  const values = valuesOf(tensor);
  const wrong = values.find((value) => typeof value === "number" && !Number.isFinite(value));
  if (wrong !== undefined) {
    throw new HttpProblem(
      406,
      `The output '${tensor.name}' holds ${wrong}, which JSON can't: ask for it with binary_data`,
    );
  }
  return { data: values };
}
