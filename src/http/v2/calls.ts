/** What a request's tensors are for a script: the bytes and the content type that `deserialize` gets. */

import { MAX_BODY_BYTES } from "../../bridge/mod.ts";
import { HttpProblem } from "../problem.ts";
import { formatJson } from "./json.ts";
import { encodeNpy, NPY } from "./npy.ts";
import type { InferRequest, Input } from "./request.ts";
import type { Signature } from "./signature.ts";
import { bytesOf, elementsOf, nested, valuesOf } from "./tensor.ts";

/** One call of the script's functions. */
export interface Call {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly contentType: string;
}

/** All calls of a request, and what `serialize` is to give. */
export interface Calls {
  readonly calls: readonly Call[];
  readonly accept: string;
}

const JSON_TYPE = "application/json";

/** Whether each element is handed over as it is, in a call of its own. */
export function isByElements({ inputs: [input] }: InferRequest): boolean {
  return input.datatype === "BYTES" && input.contentType !== undefined;
}

/**
 * @param most the longest body that a worker takes, in bytes: numbers take more of them than in the request
 * @throws {HttpProblem} 400 if the tensors can't be handed over as they are to be, 413 if they are too long for that
 */
export function callsOf(request: InferRequest, signature: Signature | undefined, most = MAX_BODY_BYTES): Calls {
  const all = convert(request, signature);
  for (const { body } of all.calls) {
    if (body.length <= most) continue;
    throw new HttpProblem(413, `The tensors are ${body.length} bytes for the script, over the limit of ${most}`);
  }
  return all;
}

function convert(request: InferRequest, signature: Signature | undefined): Calls {
  const { inputs, outputs } = request;
  const accept = outputs?.find(({ contentType }) => contentType !== undefined)?.contentType ??
    signature?.outputs?.find((spec) => spec.content_type !== undefined)?.content_type ?? "*/*";
  const special = inputs.find(({ contentType = JSON_TYPE }) => contentType !== JSON_TYPE);
  if (special !== undefined && inputs.length > 1) {
    throw new HttpProblem(
      400,
      `The input '${special.name}' is to be handed over as ${special.contentType}, which only a single input can be`,
    );
  }
  const [input] = inputs;
  if (isByElements(request)) {
    return { calls: elementsOf(input).map((body) => ({ body, contentType: input.contentType! })), accept };
  }
  return { calls: [special === undefined ? asJson(inputs) : asNpy(input)], accept };
}

function asNpy(input: Input): Call {
  if (input.contentType !== NPY) {
    throw new HttpProblem(
      400,
      `The input '${input.name}' of ${input.datatype} can be handed over as ${JSON_TYPE} or ${NPY}, not as ${input.contentType}`,
    );
  }
  return { body: checked(() => encodeNpy(input)), contentType: NPY };
}

function asJson(inputs: readonly Input[]): Call {
  const lists = inputs.map((input) => [input.name, nested(checked(() => jsonValues(input)), input.shape)] as const);
  const value = lists.length === 1 ? lists[0]![1] : Object.fromEntries(lists);
  return { body: new TextEncoder().encode(formatJson(value)), contentType: JSON_TYPE };
}

function jsonValues(input: Input): readonly unknown[] {
  const values = valuesOf(input);
  // Throws if one is none of its datatype.
  if (input.datatype !== "BYTES") bytesOf(input);
  const wrong = input.bytes === undefined
    ? undefined
    : values.find((value) => typeof value === "number" && !Number.isFinite(value));
  if (wrong !== undefined) {
    throw new RangeError(
      `The input '${input.name}' holds ${wrong}, which JSON can't: its content_type should be ${NPY}`,
    );
  }
  return values;
}

function checked<T>(convert: () => T): T {
  try {
    return convert();
  } catch (error) {
    if (error instanceof RangeError) throw new HttpProblem(400, error.message);
    if (error instanceof TypeError) {
      throw new HttpProblem(400, "An element of BYTES is not in UTF-8: say what it is in parameters.content_type");
    }
    throw error;
  }
}
