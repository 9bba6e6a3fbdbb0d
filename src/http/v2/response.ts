/** The answer to a request for inference: tensors as JSON, or as raw bytes after it. */

import { joined } from "../../bytes.ts";
import { HttpProblem } from "../http_problem.ts";
import { isByElements } from "./calls.ts";
import { JsonWriter, TooMuchJson } from "./json_writer.ts";
import { NPY } from "./npy.ts";
import type { InferRequest, Input, RequestedOutput } from "./request.ts";
import { type Result, tensorsOf } from "./results.ts";
import type { Signature } from "./model_metadata.ts";
import { bytesOf, countOf, elementsOf, NotInJson, type Tensor, writeJson } from "./tensor.ts";

/** The parts of a request on which its answer depends. */
export interface Asked extends Pick<InferRequest, "id" | "outputs" | "binary"> {
  readonly inputs: readonly [Pick<Input, "datatype" | "contentType">, ...unknown[]];
}

/** An answer's body, and the headers that describe it. */
export interface Encoded {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
}

/** The longest JSON of an answer, in bytes: about what fits in the memory of most machines. */
const MAX_JSON = 2 ** 30;

/** Whether an answer consists of NumPy's files that are sent as raw bytes: then their elements are only copied. */
export function isRaw({ outputs, binary }: Asked, results: readonly Result[]): boolean {
  const all = outputs === undefined ? binary : outputs.every((output) => output.binary ?? binary);
  return all && results.every(({ contentType }) => contentType === NPY);
}

/**
 * Writes an inference response from the results of the script's calls.
 *
 * @param model the model's name and version for the answer
 * @throws {HttpProblem} 400 for an unknown output, 406 for one that JSON can't represent, 500 if the results are not tensors
 */
export function encodeInferResponse(
  model: { readonly name: string; readonly version: string },
  request: Asked,
  results: readonly Result[],
  signature: Signature | undefined,
): Encoded {
  const tensors = tensorsOf(results, isByElements(request), signature);
  const raw: Uint8Array<ArrayBuffer>[] = [];
  const { id } = request;
  const expected = isRaw(request, results) ? 0 : results.reduce((sum, { body }) => sum + body.length, 0);
  const out = new JsonWriter(1024 + expected, MAX_JSON);
  const head = { ...(id !== undefined && { id }), model_name: model.name, model_version: model.version };
  out.text(`${JSON.stringify(head).slice(0, -1)},"outputs":[`);
  chosen(tensors, request.outputs).forEach(([tensor, { binary = request.binary }], index) => {
    if (index > 0) out.text(",");
    if (!binary) return writeOutput(tensor, out);
    const bytes = converted(() => bytesOf(tensor));
    raw.push(bytes);
    out.text(JSON.stringify(describe(tensor, { binary_data_size: bytes.length })));
  });
  out.text("]}");
  const json = out.finish();
  if (raw.length === 0) return { body: json, headers: { "content-type": "application/json" } };
  return {
    body: before(json, raw, results) ??
      joined([json, ...raw], raw.reduce((sum, { length }) => sum + length, json.length)),
    headers: { "content-type": "application/octet-stream", "inference-header-content-length": String(json.length) },
  };
}

/** Writes the JSON into the room before a single raw tensor, and the header of its NumPy file; undefined if it does not fit there. */
function before(
  json: Uint8Array<ArrayBuffer>,
  raw: readonly Uint8Array<ArrayBuffer>[],
  results: readonly Result[],
): Uint8Array<ArrayBuffer> | undefined {
  const [[only, ...others], [result]] = [raw, results];
  if (only === undefined || others.length > 0 || result?.room === undefined) return undefined;
  if (only.buffer !== result.body.buffer) return undefined;
  const start = only.byteOffset - json.length;
  if (start < result.body.byteOffset - result.room) return undefined;
  const body = new Uint8Array(only.buffer, start, json.length + only.length);
  body.set(json);
  return body;
}

function describe(
  { name, datatype, shape, contentType }: Tensor,
  more: Readonly<Record<string, unknown>> = {},
): unknown {
  const parameters = { ...(contentType !== undefined && { content_type: contentType }), ...more };
  return { name, datatype, shape, ...(Object.keys(parameters).length > 0 && { parameters }) };
}

function chosen(
  tensors: readonly Tensor[],
  requested: readonly RequestedOutput[] | undefined,
): (readonly [Tensor, Partial<RequestedOutput>])[] {
  if (requested === undefined) return tensors.map((tensor) => [tensor, {}]);
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  return requested.map((output) => {
    const tensor = byName.get(output.name);
    if (tensor === undefined) {
      const known = tensors.slice(0, SHOWN).map(({ name }) => `'${name}'`).join(", ");
      const more = tensors.length > SHOWN ? ` and ${tensors.length - SHOWN} others` : "";
      throw new HttpProblem(400, `The output '${output.name}' does not exist; known outputs: ${known}${more}`);
    }
    return [tensor, output.binary === undefined ? {} : { binary: output.binary }];
  });
}

/** The most names that a message lists. */
const SHOWN = 20;

function writeOutput(tensor: Tensor, out: JsonWriter): void {
  const before = out.length;
  const write = (more: Readonly<Record<string, unknown>>, data: () => void) => {
    out.text(`${JSON.stringify(describe(tensor, more)).slice(0, -1)},"data":`);
    data();
    out.text("}");
  };
  try {
    write({}, () => writeJson(tensor, out, [countOf(tensor.shape)]));
  } catch (error) {
    // Only BYTES can hold bytes that are not text.
    if (error instanceof TypeError) {
      out.cut(before);
      const elements = elementsOf(tensor);
      return write({ encoding: "base64" }, () => {
        elements.forEach((element, index) => out.text(`${index === 0 ? "[" : ","}"${element.toBase64()}"`));
        out.text("]");
      });
    }
    if (error instanceof NotInJson) {
      throw new HttpProblem(
        406,
        `The output '${tensor.name}' holds ${error.message}, which JSON can't represent: request it with binary_data`,
      );
    }
    if (error instanceof TooMuchJson) {
      throw new HttpProblem(406, `The output '${tensor.name}' is too large for JSON: request it with binary_data`);
    }
    if (error instanceof RangeError) throw new HttpProblem(500, error.message);
    throw error;
  }
}

function converted<T>(convert: () => T): T {
  try {
    return convert();
  } catch (error) {
    if (error instanceof RangeError) throw new HttpProblem(500, error.message);
    throw error;
  }
}
