/** What `serialize` returned, as tensors. */

import { HttpProblem } from "../problem.ts";
import { type Datatype, isInteger } from "./datatype.ts";
import { membersWithFloats, parseJson } from "./json.ts";
import { decodeNpy, NPY } from "./npy.ts";
import { fits, type Signature, type TensorSpec } from "./signature.ts";
import { bytesOf, elementsOf, joinElements, type Tensor, type Value, valuesOf } from "./tensor.ts";

/** What `serialize` returned. */
export interface Result {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly contentType: string;
}

/** The name of the only output, where nothing else is said. */
const ONLY = "output";

/**
 * The tensors of all results of a request, as a script's signature says, if it says something.
 *
 * @param stacked whether each result is one element of the first dimension
 * @throws {HttpProblem} 500 if the results do not fit each other, or the signature
 */
export function tensorsOf(results: readonly Result[], stacked: boolean, signature: Signature | undefined): Tensor[] {
  try {
    const each = results.map(readResult);
    const [first] = each;
    const tensors = !stacked || first === undefined
      ? (first ?? []).map((tensor) => tensor.shape.length === 0 ? { ...tensor, shape: [1] } : tensor)
      : first.map(({ name }) => stack(name, each));
    return promised(tensors, signature?.outputs);
  } catch (error) {
    if (error instanceof RangeError) throw new HttpProblem(500, error.message);
    throw error;
  }
}

function readResult({ body, contentType }: Result): Tensor[] {
  const [type = ""] = contentType.toLowerCase().split(";", 1);
  if (type.trim() === NPY) return [{ name: ONLY, ...decodeNpy(body) }];
  const whole = [{ name: ONLY, datatype: "BYTES", shape: [], bytes: joinElements([body]), contentType } as const];
  if (!/^application\/(json|.*\+json) *$/.test(type)) return whole;
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(body);
    value = parseJson(text);
  } catch {
    throw new RangeError(`serialize() returned ${contentType}, which is no JSON`);
  }
  const only = readValue(ONLY, value);
  if (only !== undefined) return [asFloats(only, () => membersWithFloats(text).size > 0)];
  if (typeof value !== "object" || value === null || Array.isArray(value)) return whole;
  const named = Object.entries(value).map(([name, item]) => readValue(name, item));
  if (named.length === 0 || !named.every((tensor) => tensor !== undefined)) return whole;
  const floats = membersWithFloats(text);
  return named.map((tensor) => asFloats(tensor, () => floats.has(tensor.name)));
}

/** Whole numbers that were written as floats. */
function asFloats(tensor: Tensor, areFloats: () => boolean): Tensor {
  return tensor.datatype === "INT64" && areFloats() ? { ...tensor, datatype: "FP64" } : tensor;
}

/** A number, a string, or nested lists of one length of them; undefined if it is something else. */
function readValue(name: string, value: unknown): Tensor | undefined {
  const shape: number[] = [];
  for (let level = value; Array.isArray(level) && shape.length < 33; level = level[0]) shape.push(level.length);
  if (shape.length > 32 || !isRectangular(value, shape, 0)) return undefined;
  const values = (shape.length === 0 ? [value] : (value as unknown[]).flat(shape.length - 1)) as Value[];
  const datatype = kindOf(values);
  return datatype && { name, datatype, shape, values };
}

function isRectangular(value: unknown, shape: readonly number[], depth: number): boolean {
  if (depth === shape.length) return !Array.isArray(value);
  return Array.isArray(value) && value.length === shape[depth] &&
    value.every((item) => isRectangular(item, shape, depth + 1));
}

function kindOf(values: readonly Value[]): Datatype | undefined {
  const [first] = values;
  const is = (...types: string[]) => values.every((value) => types.includes(typeof value));
  if (first === undefined) return "FP64";
  if (is("boolean")) return "BOOL";
  if (is("string")) return "BYTES";
  if (!is("number", "bigint")) return undefined;
  return values.every((value) => typeof value === "bigint" || Number.isSafeInteger(value)) ? "INT64" : "FP64";
}

function stack(name: string, each: readonly Tensor[][]): Tensor {
  const parts = each.map((tensors) => tensors.find((tensor) => tensor.name === name));
  const [first] = parts as [Tensor, ...unknown[]];
  const shape = [parts.length, ...first.shape];
  const types = new Set(parts.map((part) => part?.datatype));
  for (const part of parts) {
    const mixed = types.size === 2 && types.has("INT64") && types.has("FP64");
    if (
      part === undefined || part.shape.join() !== first.shape.join() || (part.datatype !== first.datatype && !mixed)
    ) {
      throw new RangeError(
        `The elements of the request have outputs that can't be one tensor '${name}': ${first.datatype} [${first.shape}] and ` +
          (part === undefined ? "none" : `${part.datatype} [${part.shape}]`),
      );
    }
  }
  const all = parts as Tensor[];
  const about = { name, shape, ...(first.contentType !== undefined && { contentType: first.contentType }) };
  if (first.datatype === "BYTES") return { ...about, datatype: "BYTES", bytes: joinElements(all.flatMap(elementsOf)) };
  const datatype = types.size === 2 ? "FP64" : first.datatype;
  return { ...about, datatype, values: all.flatMap(valuesOf) };
}

/** The tensors as a signature has promised them, in its order. */
function promised(tensors: readonly Tensor[], specs: readonly TensorSpec[] | undefined): Tensor[] {
  if (specs === undefined) return [...tensors];
  const [first] = tensors;
  // One that has no name of its own is the only one that was promised.
  const named = tensors.length === 1 && specs.length === 1 ? [{ ...first!, name: specs[0]!.name }] : tensors;
  return specs.map((spec) => {
    const tensor = named.find(({ name }) => name === spec.name);
    const cast = tensor && castTo(spec.datatype, tensor);
    if (cast === undefined || !fits(cast.shape, spec.shape)) {
      const found = tensor === undefined ? "no such output" : `${tensor.datatype} [${tensor.shape.join(", ")}]`;
      throw new RangeError(
        `The script promised an output '${spec.name}' of ${spec.datatype} [${
          spec.shape.join(", ")
        }], and returned ${found}`,
      );
    }
    return cast;
  });
}

function castTo(datatype: Datatype, tensor: Tensor): Tensor | undefined {
  if (tensor.datatype === datatype) return tensor;
  if (tensor.datatype === "BYTES" || datatype === "BYTES") return undefined;
  const values = valuesOf(tensor);
  if (isInteger(datatype) && !values.every((value) => typeof value === "bigint" || Number.isInteger(Number(value)))) {
    return undefined;
  }
  const { name, shape } = tensor;
  return { name, shape, datatype, bytes: bytesOf({ name, shape, datatype, values: values.map(plain) }) };
}

function plain(value: Value): Value {
  return typeof value === "boolean" ? Number(value) : value;
}
