/**
 * Parses and checks a request for inference.
 *
 * Sources: the Open Inference Protocol V2, https://github.com/kserve/open-inference-protocol, and its binary tensor extension.
 */

import { HttpProblem } from "../http_problem.ts";
import { type Datatype, DATATYPES, isDatatype } from "./datatype.ts";
import { readEnvelope } from "./envelope.ts";
import { fits, type Signature } from "./model_metadata.ts";
import {
  countElements,
  countOf,
  eachToken,
  joinElements,
  type JsonText,
  MAX_DIMENSIONS,
  type Tensor,
} from "./tensor.ts";
import { messageOf } from "../../errors.ts";

/** The most elements of a tensor. */
const MAX_ELEMENTS = 2 ** 31;

/** The most inputs, and the most outputs, of a request: each costs more memory than its bytes. */
const MAX_TENSORS = 1024;

/** The longest name, id or content type, in characters: answers, headers and messages repeat them. */
const MAX_WORD = 1024;

/** The most elements of an input in base64: each is decoded separately. */
const MAX_BASE64 = 65_536;

/** The most empty lists that tensors without elements may expand to: a short request can ask for any number. */
const MAX_EMPTY_LISTS = 65_536;

/** An input tensor of a request. */
export type Input = Tensor;

/** An output that a request asks for. */
export interface RequestedOutput {
  readonly name: string;
  readonly contentType: string | undefined;
  readonly binary: boolean | undefined;
}

/** An inference request: its tensors, and the outputs it asks for. */
export interface InferRequest {
  readonly id: string | undefined;
  readonly inputs: readonly [Input, ...Input[]];
  /** The outputs to send; undefined for all. */
  readonly outputs: readonly RequestedOutput[] | undefined;
  /** Whether outputs without a `binary_data` parameter are sent as raw bytes. */
  readonly binary: boolean;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads an inference request: JSON, optionally followed by raw tensors.
 *
 * @param jsonLength the length of the JSON in bytes, from `Inference-Header-Content-Length`; raw bytes follow it
 * @throws {HttpProblem} 400; the message names the invalid member
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
  const { json: value, data } = parse(body.subarray(0, jsonLength));
  const json = object(value, "The request");
  const id = json["id"] === undefined ? undefined : word(json["id"], "id");
  const inputs = tensors(json["inputs"], "inputs").map((input, index) =>
    parseInput(input, `inputs[${index}]`, data, raw, signature)
  );
  raw.end();
  const [first, ...others] = inputs;
  if (first === undefined) throw bad("inputs must hold at least one tensor");
  const names = new Set(inputs.map(({ name }) => name));
  if (names.size < inputs.length) throw bad("Two of the inputs have the same name");
  const lists = inputs.reduce((sum, { shape }) => sum + emptyLists(shape), 0);
  if (lists > MAX_EMPTY_LISTS) {
    throw bad(`The inputs contain ${lists} empty lists, but at most ${MAX_EMPTY_LISTS} are allowed: omit them`);
  }
  checkInputs(inputs, signature);
  const outputs = parseOutputs(json["outputs"]);
  return {
    id,
    inputs: [first, ...others],
    outputs,
    binary: object(json["parameters"] ?? {}, "parameters")["binary_data_output"] === true,
  };
}

function parse(bytes: Uint8Array<ArrayBuffer>): { readonly json: unknown; readonly data: readonly JsonText[] } {
  try {
    return readEnvelope(bytes);
  } catch (cause) {
    throw bad(`The request is not JSON in UTF-8: ${messageOf(cause)}`);
  }
}

function parseInput(
  value: unknown,
  place: string,
  texts: readonly JsonText[],
  raw: RawData,
  signature: Signature | undefined,
): Input {
  const input = object(value, place);
  const { datatype, shape, data } = input;
  const name = word(input["name"], `${place}.name`);
  if (!isDatatype(datatype)) {
    throw bad(`${place}.datatype must be one of ${Object.keys(DATATYPES).join(", ")}, not ${shown(datatype)}`);
  }
  const sizes = parseShape(shape, `${place}.shape`);
  const parameters = object(input["parameters"] ?? {}, `${place}.parameters`);
  if ("shared_memory_region" in parameters) throw bad(`${place}: shared memory is not supported here: send the data`);
  const said = parameters["content_type"];
  const given = said === undefined
    ? signature?.inputs?.find((spec) => spec.name === name)?.content_type
    : word(said, `${place}.parameters.content_type`);
  const about = { name, datatype, shape: sizes, ...(given !== undefined && { contentType: given }) };
  const size = parameters["binary_data_size"];
  if (size !== undefined) {
    if (data !== undefined) throw bad(`${place} has both data and binary_data_size: use only one`);
    return { ...about, bytes: checkBytes(raw.take(size, place), datatype, sizes, place) };
  }
  const text = typeof data === "number" ? texts[data] : undefined;
  // The value of `data` as text, which may not be a list.
  if (text === undefined || text.bytes[begin(text)] !== 0x5b) {
    throw bad(`${place}.data must be a list, not ${text === undefined ? "missing" : shownText(text)}`);
  }
  const tensor = { ...about, text: { ...text, place: `${place}.data` } };
  return parameters["encoding"] === "base64" && datatype === "BYTES" ? decodeBase64(tensor) : tensor;
}

function parseShape(value: unknown, place: string): number[] {
  const shape = list(value, place);
  const good = shape.length <= MAX_DIMENSIONS &&
    shape.every((size): size is number => Number.isSafeInteger(size) && Number(size) >= 0);
  // A size of 0 must not hide large sizes: they would become lists, or memory that NumPy reserves.
  if (!good || countOf(shape.map((size) => Math.max(size, 1))) > MAX_ELEMENTS) {
    throw bad(
      `${place} must be at most ${MAX_DIMENSIONS} sizes of at most ${MAX_ELEMENTS} elements, not ${shown(value)}`,
    );
  }
  return [...shape];
}

/** Returns how many empty lists a tensor of this shape contains. */
function emptyLists(shape: readonly number[]): number {
  const zero = shape.indexOf(0);
  return zero < 0 ? 0 : countOf(shape.slice(0, zero));
}

/** Returns the offset of the first byte that is not white space. */
function begin({ bytes, start, end }: JsonText): number {
  let at = start;
  while (at < end && bytes[at]! <= 0x20) at++;
  return at;
}

function shownText(text: JsonText): string {
  const { bytes, end } = text;
  const at = begin(text);
  const value = decoder.decode(bytes.subarray(at, Math.min(end, at + 60))).trim();
  return value.startsWith("{") ? "an object" : end - at > 60 ? `${value}…` : value;
}

function decodeBase64({ text, ...about }: Tensor & { readonly text: JsonText }): Tensor {
  const { place } = text;
  if (countOf(about.shape) > MAX_BASE64) {
    throw bad(
      `${place} may have at most ${MAX_BASE64} elements in base64: send more with the binary tensor extension`,
    );
  }
  const elements: Uint8Array<ArrayBuffer>[] = [];
  try {
    eachToken(text, about, (reader) => void elements.push(Uint8Array.fromBase64(reader.string())));
  } catch (error) {
    // A RangeError is about the shape or the JSON, not about base64.
    if (error instanceof RangeError) throw bad(error.message);
    throw bad(`${place} is not base64, as parameters.encoding says it is`);
  }
  return { ...about, bytes: joinElements(elements) };
}

function checkBytes(
  bytes: Uint8Array<ArrayBuffer>,
  datatype: Datatype,
  shape: readonly number[],
  place: string,
): Uint8Array<ArrayBuffer> {
  const count = countOf(shape);
  const found = datatype === "BYTES" ? countElements(bytes) : bytes.length / DATATYPES[datatype].size;
  if (found !== count) throw bad(`${place} has ${bytes.length} bytes, which are not ${count} elements of ${datatype}`);
  return bytes;
}

function parseOutputs(value: unknown): readonly RequestedOutput[] | undefined {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return undefined;
  const outputs = tensors(value, "outputs").map((output, index) => parseOutput(output, `outputs[${index}]`));
  // A repeated name would send the same output again.
  if (new Set(outputs.map(({ name }) => name)).size < outputs.length) {
    throw bad("Two of the outputs have the same name");
  }
  return outputs;
}

function parseOutput(value: unknown, place: string): RequestedOutput {
  const { name: said, parameters } = object(value, place);
  const name = word(said, `${place}.name`);
  const given = object(parameters ?? {}, `${place}.parameters`);
  for (const key of ["classification", "shared_memory_region"]) {
    if (key in given) throw bad(`${place}.parameters.${key} is not supported here: leave it out`);
  }
  const { content_type: contentType, binary_data: binary } = given;
  return {
    name,
    contentType: typeof contentType === "string" ? word(contentType, `${place}.parameters.content_type`) : undefined,
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

/** Hands out the raw bytes after the JSON, in the order of the inputs. */
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
    if (rest > 0) throw bad(`The body has ${rest} bytes more than the binary_data_size of its inputs`);
  }
}

function object(value: unknown, place: string): Json {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  throw bad(`${place} must be a JSON object, not ${shown(value)}`);
}

function tensors(value: unknown, place: string): readonly unknown[] {
  const found = list(value, place);
  if (found.length > MAX_TENSORS) throw bad(`${place} may have at most ${MAX_TENSORS} tensors, not ${found.length}`);
  return found;
}

function word(value: unknown, place: string): string {
  if (typeof value !== "string") throw bad(`${place} must be a string, not ${shown(value)}`);
  if (value.length > MAX_WORD) throw bad(`${place} may have at most ${MAX_WORD} characters, not ${value.length}`);
  return value;
}

function list(value: unknown, place: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw bad(`${place} must be a list, not ${shown(value)}`);
}

function shown(value: unknown): string {
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "a list" : "an object";
  const text = JSON.stringify(value) ?? "missing";
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function bad(message: string): HttpProblem {
  return new HttpProblem(400, message);
}

const decoder = new TextDecoder();
