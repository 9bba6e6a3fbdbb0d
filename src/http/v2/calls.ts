/** Turns a request's tensors into calls of a script: the bytes and the content type that `deserialize` receives. */

import { HttpProblem } from "../http_problem.ts";
import { JsonWriter, leastBytes, TooMuchJson } from "./json_writer.ts";
import { DATATYPES } from "./datatype.ts";
import { encodeNpy, NPY } from "./npy.ts";
import type { InferRequest, Input } from "./request.ts";
import type { Signature } from "./model_metadata.ts";
import { countOf, elementsOf, NotInJson, writeJson } from "./tensor.ts";

/** One call of the script's functions. */
export interface Call {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly contentType: string;
}

/** All calls of a request, and the content type asked of `serialize`. */
export interface Calls {
  readonly calls: readonly Call[];
  readonly accept: string;
}

const JSON_TYPE = "application/json";

/** The most elements of which each becomes a call: they share the queue with other clients' requests. */
const MAX_CALLS = 1024;

/** Whether each element of the request becomes a call of its own. */
export function isByElements(
  { inputs: [input] }: { readonly inputs: readonly [Pick<Input, "datatype" | "contentType">, ...unknown[]] },
): boolean {
  return input.datatype === "BYTES" && input.contentType !== undefined;
}

/**
 * Makes the calls of the script's functions that a request asks for.
 *
 * @param most the most bytes that may be made from tensors: numbers can be longer there than in the request
 * @param room how many bytes before the first tensor in binary are not needed any more, and may be overwritten
 * @throws {HttpProblem} 400 if the tensors can't be converted as asked, 413 if the result would be too long
 */
export function callsOf(request: InferRequest, signature: Signature | undefined, most = Infinity, room = 0): Calls {
  const { inputs, outputs } = request;
  const accept = outputs?.find(({ contentType }) => contentType !== undefined)?.contentType ??
    signature?.outputs?.find((spec) => spec.content_type !== undefined)?.content_type ?? "*/*";
  const special = specialOf(request);
  if (special !== undefined && inputs.length > 1) {
    throw new HttpProblem(
      400,
      `The input '${special.name}' must be passed as ${special.contentType}, which needs a request with a single input`,
    );
  }
  const [input] = inputs;
  if (isByElements(request)) {
    const count = countOf(input.shape);
    if (count > MAX_CALLS) {
      throw new HttpProblem(
        400,
        `The input '${input.name}' has ${count} elements of ${input.contentType}, each of which is a call of its own: send at ` +
          `most ${MAX_CALLS} with a request`,
      );
    }
    const bodies = checked(input, () => elementsOf(input));
    return { calls: bodies.map((body) => ({ body, contentType: input.contentType! })), accept };
  }
  return { calls: [special === undefined ? asJson(inputs, most) : asNpy(input, most, room)], accept };
}

/** Estimates how many bytes of JSON {@linkcode callsOf} reads and writes. */
export function jsonWork(request: InferRequest): number {
  const inText = request.inputs.reduce((sum, { text }) => sum + (text === undefined ? 0 : text.end - text.start), 0);
  if (isByElements(request) || specialOf(request) !== undefined) return inText;
  return request.inputs.reduce((sum, { bytes, shape }) => sum + leastBytes(shape) + 4 * (bytes?.length ?? 0), inText);
}

function specialOf({ inputs }: InferRequest): Input | undefined {
  return inputs.find(({ contentType = JSON_TYPE }) => contentType !== JSON_TYPE);
}

function asNpy(input: Input, most: number, room: number): Call {
  if (input.contentType !== NPY) {
    throw new HttpProblem(
      400,
      `The input '${input.name}' of ${input.datatype} can be passed as ${JSON_TYPE} or ${NPY}, not as ${input.contentType}`,
    );
  }
  const length = countOf(input.shape) * DATATYPES[input.datatype].size;
  if (length > most) throw tooMuch(length, most);
  return { body: checked(input, () => encodeNpy(input, room)), contentType: NPY };
}

function asJson(inputs: readonly Input[], most: number): Call {
  const least = inputs.reduce((sum, { shape }) => sum + leastBytes(shape), 0);
  // Refuse it before any work is done.
  if (least > most) throw tooMuch(least, most);
  const expected = inputs.reduce((sum, { text }) => sum + (text === undefined ? 0 : text.end - text.start), least);
  const out = new JsonWriter(expected, most);
  try {
    const [only, ...others] = inputs;
    if (others.length === 0) checked(only!, () => writeJson(only!, out));
    else {
      inputs.forEach((input, index) => {
        out.text(`${index === 0 ? "{" : ","}${JSON.stringify(input.name)}:`);
        checked(input, () => writeJson(input, out));
      });
      out.text("}");
    }
  } catch (error) {
    throw error instanceof TooMuchJson ? tooMuch(Math.max(least, most + 1), most) : error;
  }
  return { body: out.finish(), contentType: JSON_TYPE };
}

function tooMuch(length: number, most: number): HttpProblem {
  return new HttpProblem(
    413,
    `The tensors are at least ${length} bytes for the script, over the limit of ${most} (--max-body): send fewer, or one as ` +
      `${NPY}, which its content_type says`,
  );
}

function checked<T>({ name }: Input, convert: () => T): T {
  try {
    return convert();
  } catch (error) {
    if (error instanceof NotInJson) {
      const message =
        `The input '${name}' holds ${error.message}, which JSON can't represent: set its content_type to ${NPY}`;
      throw new HttpProblem(400, message);
    }
    if (error instanceof RangeError) throw new HttpProblem(400, error.message);
    if (error instanceof SyntaxError) throw new HttpProblem(400, `The request is not JSON in UTF-8: ${error.message}`);
    if (error instanceof TypeError) {
      throw new HttpProblem(400, "An element of BYTES is not UTF-8: name its type in parameters.content_type");
    }
    throw error;
  }
}
