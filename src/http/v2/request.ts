/**
 * A request for inference, read and checked.
 *
 * Sources: the Open Inference Protocol V2, https://github.com/kserve/open-inference-protocol, and its binary tensor extension.
 */

import { HttpProblem } from "../problem.ts";
import { type Datatype, DATATYPES, isDatatype } from "./datatype.ts";
import { parseJson } from "./json.ts";
import { fits, type Signature } from "./signature.ts";
import { countOf, splitElements, type Tensor, type Value } from "./tensor.ts";

/** Dimensions and elements that a tensor may have: more can't be meant. */
const MAX_DIMENSIONS = 32;
const MAX_ELEMENTS = 2 ** 31;

/** Empty lists that a tensor without elements may be: its request has no bytes for them. */
const MAX_EMPTY_LISTS = 65_536;

/** An input, and how it is to be handed over. */
export type Input = Tensor;

/** An output that is asked for. */
export interface RequestedOutput {
  readonly name: string;
  readonly contentType: string | undefined;
  readonly binary: boolean | undefined;
}

/** @see the module's own comment */
export interface InferRequest {
  readonly id: string | undefined;
  readonly inputs: readonly [Input, ...Input[]];
  /** Those to send; undefined for all. */
  readonly outputs: readonly RequestedOutput[] | undefined;
  /** Whether outputs that say nothing are sent as raw bytes. */
  readonly binary: boolean;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads one.
 *
 * @param jsonLength what `Inference-Header-Content-Length` says: behind so many bytes of JSON there are raw bytes
 * @throws {HttpProblem} 400 with the place of what is wrong
 */
export function parseInferRequest(
  body: Uint8Array<ArrayBuffer>,
  jsonLength: number | undefined,
  signature: Signature | undefined,
): InferRequest {
  if (jsonLength !== undefined && !(jsonLength <= body.length)) {
    throw bad(`Inference-Header-Content-Length must be a number of bytes that the body has, not ${jsonLength}`);
  }
  const raw = new RawData(body.subarray(jsonLength ?? body.length));
  const json = object(parse(body.subarray(0, jsonLength)), "The request");
  const { id, outputs } = json;
  if (id !== undefined && typeof id !== "string") throw bad(`id must be a string, not ${shown(id)}`);
  const inputs = list(json["inputs"], "inputs").map((input, index) =>
    parseInput(input, `inputs[${index}]`, raw, signature)
  );
  raw.end();
  const [first, ...others] = inputs;
  if (first === undefined) throw bad("inputs must hold at least one tensor");
  const names = new Set(inputs.map(({ name }) => name));
  if (names.size < inputs.length) throw bad("Two of the inputs have the same name");
  checkInputs(inputs, signature);
  return {
    id,
    inputs: [first, ...others],
    outputs: outputs === undefined || (Array.isArray(outputs) && outputs.length === 0)
      ? undefined
      : list(outputs, "outputs").map((output, index) => parseOutput(output, `outputs[${index}]`)),
    binary: object(json["parameters"] ?? {}, "parameters")["binary_data_output"] === true,
  };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return parseJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw bad(`The request is not JSON in UTF-8: ${cause instanceof Error ? cause.message : cause}`);
  }
}

function parseInput(value: unknown, place: string, raw: RawData, signature: Signature | undefined): Input {
  const input = object(value, place);
  const { name, datatype, shape, data } = input;
  if (typeof name !== "string") throw bad(`${place}.name must be a string, not ${shown(name)}`);
  if (!isDatatype(datatype)) {
    throw bad(`${place}.datatype must be one of ${Object.keys(DATATYPES).join(", ")}, not ${shown(datatype)}`);
  }
  const sizes = parseShape(shape, `${place}.shape`);
  const parameters = object(input["parameters"] ?? {}, `${place}.parameters`);
  if ("shared_memory_region" in parameters) throw bad(`${place}: shared memory is not supported here: send the data`);
  const given = parameters["content_type"] ?? signature?.inputs?.find((spec) => spec.name === name)?.content_type;
  if (given !== undefined && typeof given !== "string") {
    throw bad(`${place}.parameters.content_type must be a string, not ${shown(given)}`);
  }
  const about = { name, datatype, shape: sizes, ...(given !== undefined && { contentType: given }) };
  const size = parameters["binary_data_size"];
  if (size !== undefined) {
    if (data !== undefined) throw bad(`${place} has data, and binary_data_size too: leave one out`);
    return { ...about, bytes: checkBytes(raw.take(size, place), datatype, sizes, place) };
  }
  const flat = flatten(list(data, `${place}.data`), datatype, sizes, `${place}.data`);
  const base64 = parameters["encoding"] === "base64" && datatype === "BYTES";
  return base64 ? { ...about, bytes: decodeBase64(flat, `${place}.data`) } : { ...about, values: flat };
}

function parseShape(value: unknown, place: string): number[] {
  const shape = list(value, place);
  const good = shape.length <= MAX_DIMENSIONS &&
    shape.every((size): size is number => Number.isSafeInteger(size) && Number(size) >= 0);
  // A size of 0 must not hide those around it: they are lists, or what NumPy would reserve.
  if (!good || countOf(shape.map((size) => Math.max(size, 1))) > MAX_ELEMENTS) {
    throw bad(
      `${place} must be at most ${MAX_DIMENSIONS} sizes of at most ${MAX_ELEMENTS} elements, not ${shown(value)}`,
    );
  }
  const zero = shape.indexOf(0);
  const lists = countOf(shape.slice(0, Math.max(zero, 0)));
  if (lists > MAX_EMPTY_LISTS) {
    throw bad(`${place} is of ${lists} empty lists, and there may be ${MAX_EMPTY_LISTS} of them: leave them out`);
  }
  return [...shape];
}

function flatten(data: readonly unknown[], datatype: Datatype, shape: readonly number[], place: string): Value[] {
  const flat = data.some(Array.isArray) ? data.flat(MAX_DIMENSIONS) : data;
  if (flat.length !== countOf(shape)) {
    throw bad(`${place} has ${flat.length} elements, and its shape is for ${countOf(shape)}`);
  }
  const strings = datatype === "BYTES";
  const wrong = flat.find((value) =>
    strings ? typeof value !== "string" : !["number", "bigint"].includes(typeof value) && typeof value !== "boolean"
  );
  if (wrong !== undefined) throw bad(`${place} must hold ${strings ? "strings" : "numbers"}, not ${shown(wrong)}`);
  return datatype === "BOOL" ? flat.map(Boolean) : flat as Value[];
}

function decodeBase64(values: readonly Value[], place: string): Uint8Array<ArrayBuffer> {
  const elements = values.map((value) => {
    try {
      return Uint8Array.fromBase64(String(value));
    } catch {
      throw bad(`${place} is not base64, as parameters.encoding says it is`);
    }
  });
  const bytes = new Uint8Array(elements.reduce((sum, { length }) => sum + 4 + length, 0));
  let offset = 0;
  for (const element of elements) {
    new DataView(bytes.buffer).setUint32(offset, element.length, true);
    bytes.set(element, offset + 4);
    offset += 4 + element.length;
  }
  return bytes;
}

function checkBytes(
  bytes: Uint8Array<ArrayBuffer>,
  datatype: Datatype,
  shape: readonly number[],
  place: string,
): Uint8Array<ArrayBuffer> {
  const count = countOf(shape);
  const found = datatype === "BYTES" ? splitElements(bytes)?.length : bytes.length / DATATYPES[datatype].size;
  if (found !== count) throw bad(`${place} has ${bytes.length} bytes, which are not ${count} elements of ${datatype}`);
  return bytes;
}

function parseOutput(value: unknown, place: string): RequestedOutput {
  const { name, parameters } = object(value, place);
  if (typeof name !== "string") throw bad(`${place}.name must be a string, not ${shown(name)}`);
  const given = object(parameters ?? {}, `${place}.parameters`);
  for (const key of ["classification", "shared_memory_region"]) {
    if (key in given) throw bad(`${place}.parameters.${key} is not supported here: leave it out`);
  }
  const { content_type: contentType, binary_data: binary } = given;
  return {
    name,
    contentType: typeof contentType === "string" ? contentType : undefined,
    binary: typeof binary === "boolean" ? binary : undefined,
  };
}

function checkInputs(inputs: readonly Input[], signature: Signature | undefined): void {
  const specs = signature?.inputs;
  if (specs === undefined) return;
  for (const { name, datatype, shape } of inputs) {
    const spec = specs.find((spec) => spec.name === name);
    if (spec === undefined) {
      throw bad(`The model has no input '${name}'; it has ${specs.map(({ name }) => name).join(", ")}`);
    }
    if (datatype !== spec.datatype || !fits(shape, spec.shape)) {
      const demanded = `${spec.datatype} [${spec.shape.join(", ")}]`;
      throw bad(`The input '${name}' must be ${demanded} (-1 is any size), not ${datatype} [${shape.join(", ")}]`);
    }
  }
  const missing = specs.find(({ name }) => inputs.every((input) => input.name !== name));
  if (missing !== undefined) throw bad(`The input '${missing.name}' is missing`);
}

/** The raw bytes behind the JSON, in the order of the inputs. */
class RawData {
  #offset = 0;

  constructor(readonly bytes: Uint8Array<ArrayBuffer>) {}

  take(size: unknown, place: string): Uint8Array<ArrayBuffer> {
    const end = this.#offset + Number(size);
    if (typeof size !== "number" || !Number.isInteger(size) || size < 0 || end > this.bytes.length) {
      throw bad(
        `${place}.parameters.binary_data_size is ${shown(size)}, and there are ${
          this.bytes.length - this.#offset
        } bytes`,
      );
    }
    const taken = this.bytes.subarray(this.#offset, end);
    this.#offset = end;
    return taken;
  }

  end(): void {
    const rest = this.bytes.length - this.#offset;
    if (rest > 0) throw bad(`Behind the request there are ${rest} bytes that no input has as its binary_data_size`);
  }
}

function object(value: unknown, place: string): Json {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  throw bad(`${place} must be a JSON object, not ${shown(value)}`);
}

function list(value: unknown, place: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw bad(`${place} must be a list, not ${shown(value)}`);
}

function shown(value: unknown): string {
  if (typeof value === "bigint") return String(value);
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "a list" : "an object";
  const text = JSON.stringify(value) ?? "missing";
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function bad(message: string): HttpProblem {
  return new HttpProblem(400, message);
}
