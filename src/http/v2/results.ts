/** Turns what `serialize` returned into tensors. */

import { HttpProblem } from "../http_problem.ts";
import { type Datatype, isInteger } from "./datatype.ts";
import { checkUtf8, JsonReader, textStart, type Token } from "./json_reader.ts";
import { decodeNpy, NPY } from "./npy.ts";
import { fits, type Signature, type TensorSpec } from "./model_metadata.ts";
import { bytesOf, isWhole, joinElements, MAX_DIMENSIONS, type Tensor } from "./tensor.ts";

/** What one call of the script's `serialize` returned. */
export interface Result {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly contentType: string;
  /** How many bytes before those of `body`, in its buffer, may be overwritten. @default 0 */
  readonly room?: number | undefined;
}

/** The deepest nesting of lists and objects: Python's json writes about as deep. */
const MAX_DEPTH = 1000;

/** The most members of an object that are read as tensors. */
const MAX_MEMBERS = 4096;

/** The name of a single output that the script does not name. */
const ONLY = "output";

/**
 * Returns the tensors of all results of a request, checked against the script's signature if it has one.
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
  try {
    checkUtf8(body);
    return readJson(body) ?? whole;
  } catch (error) {
    throw new RangeError(`serialize() returned ${contentType}, which is not JSON: ${(error as Error).message}`);
  }
}

/**
 * Reads JSON as tensors; undefined if it is something else.
 *
 * @throws {SyntaxError} if the text is not JSON
 */
function readJson(bytes: Uint8Array<ArrayBuffer>): Tensor[] | undefined {
  const reader = new JsonReader(bytes, textStart(bytes), bytes.length, MAX_DEPTH);
  const first = reader.next();
  if (first !== "{") {
    const only = readValue(ONLY, reader, first);
    reader.next();
    return only && [only];
  }
  const members = new Map<string, Tensor | undefined>();
  let count = 0;
  for (let token = reader.next(); token !== "}"; token = reader.next()) {
    count++;
    const name = count > MAX_MEMBERS ? "" : reader.string();
    members.set(name, readValue(name, reader, reader.next()));
  }
  reader.next();
  const named = [...members.values()];
  return count > 0 && count <= MAX_MEMBERS && named.every((tensor) => tensor !== undefined) ? named : undefined;
}

/**
 * Reads a value to its end: a number, a string, or nested lists of one length of them; undefined if it is something else.
 *
 * @param token the value's first token, which the reader has read
 */
function readValue(name: string, reader: JsonReader, token: Token): Tensor | undefined {
  const { start } = reader;
  const base = reader.depth - (token === "[" || token === "{" ? 1 : 0);
  const shape: number[] = [];
  /** The number of values in each open list. */
  const counts: number[] = [];
  /** How many lists enclose each element; undefined before the first element or empty list. */
  let dimensions: number | undefined;
  let isTensor = true;
  const kinds = new Set<Token>();
  for (;; token = reader.next()) {
    const depth = reader.depth - base;
    switch (token) {
      case "[":
        if (depth > MAX_DIMENSIONS || depth > (dimensions ?? depth)) isTensor = false;
        if (depth > 1) counts[depth - 2]!++;
        counts[depth - 1] = 0;
        break;
      case "]":
        dimensions ??= depth + 1;
        shape[depth] ??= counts[depth]!;
        if (shape[depth] !== counts[depth]) isTensor = false;
        break;
      case "{":
      case "}":
      case "key":
        isTensor = false;
        // An object has no count of its own. The counts no longer matter, since this is no tensor.
        counts[Math.max(depth - 1, 0)] ??= 0;
        break;
      default:
        dimensions ??= depth;
        if (dimensions !== depth) isTensor = false;
        if (depth > 0) counts[depth - 1]!++;
        kinds.add(token);
    }
    if (reader.depth === base && token !== "key") break;
  }
  const datatype = isTensor ? kindOf(kinds) : undefined;
  return datatype && { name, datatype, shape, text: { bytes: reader.bytes, start, end: reader.stop } };
}

/** Numbers that are written with a point or an exponent are floats, as Python writes them whatever their value. */
function kindOf(kinds: ReadonlySet<Token>): Datatype | undefined {
  const are = (...some: Token[]) => [...kinds].every((kind) => some.includes(kind));
  if (kinds.size === 0) return "FP64";
  if (are("true", "false")) return "BOOL";
  if (are("string")) return "BYTES";
  if (are("integer")) return "INT64";
  return are("integer", "number") ? "FP64" : undefined;
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
  const datatype = types.size === 2 ? "FP64" : first.datatype;
  return { ...about, datatype, bytes: concat(all.map((part) => bytesOf(part, datatype))) };
}

function concat(parts: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/** Returns the tensors that a signature declares, in its order. */
function promised(tensors: readonly Tensor[], specs: readonly TensorSpec[] | undefined): Tensor[] {
  if (specs === undefined) return [...tensors];
  const [first] = tensors;
  // A single tensor is the one that the script declares, whatever its name is.
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
  if (isInteger(datatype) && !isWhole(tensor)) return undefined;
  const { name, shape } = tensor;
  return { name, shape, datatype, bytes: bytesOf(tensor, datatype) };
}
