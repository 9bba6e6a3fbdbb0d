/**
 * Tensors: their elements in JSON and in the binary extension's form, and conversions between the two. Nothing here creates an object for
 * each element: there may be millions.
 */

import { type Datatype, DATATYPES, elementsOver, isInteger } from "./datatype.ts";
import { JsonReader, type Token } from "./json_reader.ts";
import { JsonWriter, ListWriter } from "./json_writer.ts";

/** The most dimensions of a tensor. */
export const MAX_DIMENSIONS = 32;

/** Elements in JSON: nested lists, in any shape, or the element of a scalar. */
export interface JsonText {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly start: number;
  readonly end: number;
  /** Its name in error messages; undefined if it was checked already. */
  readonly place?: string;
}

/** A tensor, whose elements are either JSON text or raw bytes. */
export interface Tensor {
  readonly name: string;
  readonly datatype: Datatype;
  /** Its dimensions; an empty list makes it a scalar. */
  readonly shape: readonly number[];
  /** The elements as JSON, in row-major order. */
  readonly text?: JsonText;
  /** The elements as raw little-endian bytes; each element of BYTES follows its length as a u32. */
  readonly bytes?: Uint8Array<ArrayBuffer>;
  /** For BYTES: the content type of its elements, if they are not text. */
  readonly contentType?: string;
}

/** A number that JSON can't represent: NaN or an infinity. */
export class NotInJson extends Error {}

/** Returns how many elements a shape has. */
export function countOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/**
 * Returns the elements as raw bytes, converted to `datatype`.
 *
 * @throws {RangeError} if a value does not fit the datatype (the message shows it), or the number of elements does not match the shape
 * @throws {SyntaxError} if the text is not JSON
 */
export function bytesOf(tensor: Tensor, datatype = tensor.datatype): Uint8Array<ArrayBuffer> {
  const { text, bytes, name } = tensor;
  if (bytes !== undefined && datatype === tensor.datatype) return bytes;
  if (datatype === "BYTES") return joinText(text!, tensor);
  const count = countOf(tensor.shape);
  // Each takes a character, and one that separates it from the next.
  if (text !== undefined && 2 * count - 1 > text.end - text.start) throw wrongCount(text, tensor);
  const buffer = new ArrayBuffer(count * DATATYPES[datatype].size);
  const elements = elementsOver(datatype, new Uint8Array(buffer));
  const wide = datatype === "INT64" || datatype === "UINT64";
  const exact = isInteger(datatype) || datatype === "BOOL";
  let index = 0;
  eachNumber(tensor, (value) => {
    if (datatype === "BF16") elements[index] = upperHalf(Number(value));
    else if (wide) {
      const whole = Number.isInteger(Number(value)) ? BigInt(value) : undefined;
      if (whole !== undefined) elements[index] = whole;
      if (elements[index] !== whole) throw wrong(name, datatype, String(value));
    } else {
      const number = Number(value);
      elements[index] = number;
      if (exact && (elements[index] !== number || (datatype === "BOOL" && number > 1))) {
        throw wrong(name, datatype, String(value));
      }
    }
    index++;
  });
  return new Uint8Array(buffer);
}

/**
 * Writes the elements as nested lists in a shape: the tensor's own, or another one of as many elements.
 *
 * @throws {RangeError} as {@linkcode bytesOf}
 * @throws {NotInJson} if one is NaN or infinite
 * @throws {TypeError} if one of BYTES is not in UTF-8
 */
export function writeJson(tensor: Tensor, out: JsonWriter, shape = tensor.shape): void {
  const lists = new ListWriter(out, shape);
  if (tensor.text !== undefined) writeText(tensor, tensor.text, out, lists);
  else if (tensor.datatype === "BYTES") {
    eachElement(tensor.bytes!, (element) => {
      if (!isUtf8(element)) throw new TypeError("An element is not in UTF-8");
      lists.next();
      out.string(element);
    });
  } else {
    const isBool = tensor.datatype === "BOOL";
    eachNumber(tensor, (value) => {
      if (typeof value === "number" && !Number.isFinite(value)) throw new NotInJson(String(value));
      lists.next();
      out.text(isBool ? String(value !== 0) : String(value));
    });
  }
  lists.end();
}

/** Calls back with the elements of BYTES. */
function eachElement(bytes: Uint8Array<ArrayBuffer>, visit: (element: Uint8Array<ArrayBuffer>) => void): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length;) {
    const end = at + 4 + view.getUint32(at, true);
    visit(bytes.subarray(at + 4, end));
    at = end;
  }
}

/** Counts the elements of BYTES; undefined if their lengths do not add up. */
export function countElements(bytes: Uint8Array<ArrayBuffer>): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let count = 0;
  for (let at = 0; at < bytes.length; count++) {
    if (at + 4 > bytes.length) return undefined;
    at += 4 + view.getUint32(at, true);
    if (at > bytes.length) return undefined;
  }
  return count;
}

/** Returns the elements of BYTES as separate arrays; use it for few elements only. */
export function elementsOf(tensor: Tensor): Uint8Array<ArrayBuffer>[] {
  const elements: Uint8Array<ArrayBuffer>[] = [];
  eachElement(bytesOf(tensor), (element) => void elements.push(element));
  return elements;
}

/** Joins elements of BYTES, each after its length. */
export function joinElements(elements: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(elements.reduce((sum, { length }) => sum + 4 + length, 0));
  const view = new DataView(bytes.buffer);
  let offset = 0;
  for (const element of elements) {
    view.setUint32(offset, element.length, true);
    bytes.set(element, offset + 4);
    offset += 4 + element.length;
  }
  return bytes;
}

/** Whether all elements are integers. */
export function isWhole(tensor: Tensor): boolean {
  if (isInteger(tensor.datatype)) return true;
  let whole = true;
  eachNumber(tensor, (value) => whole &&= Number.isInteger(Number(value)));
  return whole;
}

/**
 * Calls back for each element in JSON; the reader's current token is that element.
 *
 * @throws {RangeError} if the number of elements does not match the shape, or one has the wrong type
 * @throws {SyntaxError} if the text is not JSON
 */
export function eachToken(
  text: JsonText,
  { datatype, shape }: Pick<Tensor, "datatype" | "shape">,
  visit: (reader: JsonReader, token: Token) => void,
): void {
  const reader = new JsonReader(text.bytes, text.start, text.end, MAX_DIMENSIONS);
  const expected = countOf(shape);
  let count = 0;
  for (let token = reader.next(); token !== "end"; token = reader.next()) {
    switch (token) {
      case "[":
      case "]":
        break;
      case "string":
      case "integer":
      case "number":
      case "true":
      case "false":
        if ((token === "string") !== (datatype === "BYTES")) throw wrongKind(text, datatype, reader.shown());
        // Surplus elements are only counted, for the error message.
        if (count++ < expected) visit(reader, token);
        break;
      default:
        throw wrongKind(text, datatype, token === "{" ? "an object" : reader.shown());
    }
  }
  if (count !== expected) throw wrongCount(text, { shape }, count);
}

function writeText(tensor: Tensor, text: JsonText, out: JsonWriter, lists: ListWriter): void {
  const { datatype, name } = tensor;
  const range = text.place !== undefined && isInteger(datatype) ? rangeOf(datatype) : undefined;
  const asIs = datatype === "BYTES";
  eachToken(text, tensor, (reader, token) => {
    lists.next();
    if (asIs || token === "true" || token === "false") return out.copy(reader.bytes, reader.start, reader.stop);
    if (datatype === "BOOL") return out.text(String(Number(reader.text()) !== 0));
    if (isInteger(datatype)) {
      const value = numberAt(reader, token);
      if (!Number.isInteger(Number(value)) || (range !== undefined && (value < range[0] || value > range[1]))) {
        throw wrong(name, datatype, reader.shown());
      }
      // Copy it unchanged: Python reads 1.0 as a float.
      if (token === "integer") out.copy(reader.bytes, reader.start, reader.stop);
      else out.text(String(BigInt(value)));
      return;
    }
    if (mayOverflow(reader) && !Number.isFinite(Number(reader.text()))) throw wrong(name, datatype, reader.shown());
    out.copy(reader.bytes, reader.start, reader.stop);
  });
}

/** Whether a number is long or has an exponent; all other numbers are finite. */
function mayOverflow({ bytes, start, stop }: JsonReader): boolean {
  if (stop - start > 300) return true;
  for (let i = start; i < stop; i++) if (bytes[i] === 0x65 || bytes[i] === 0x45) return true;
  return false;
}

/** Calls back with each element of a datatype that is not BYTES; those of BOOL are 0 and 1. */
function eachNumber(tensor: Tensor, visit: (value: number | bigint) => void): void {
  const { datatype, text, bytes } = tensor;
  if (text !== undefined) {
    const isBool = datatype === "BOOL";
    eachToken(text, tensor, (reader, token) => {
      if (token === "true" || token === "false") return visit(token === "true" ? 1 : 0);
      const value = numberAt(reader, token);
      visit(isBool ? (Number(value) === 0 ? 0 : 1) : value);
    });
    return;
  }
  if (datatype === "BYTES") throw new RangeError(`The tensor '${tensor.name}' holds no numbers`);
  const elements = elementsOver(datatype, bytes!);
  if (datatype === "BF16") {
    for (const half of elements as Uint16Array) {
      floatBits[0] = half * 65536;
      visit(float[0]!);
    }
  } else if (datatype === "BOOL") { for (const element of elements) visit(element === 0 ? 0 : 1); }
  else for (const element of elements) visit(element);
}

/** Parses the current number: a bigint if it is an integer that a double can't represent exactly. */
function numberAt(reader: JsonReader, token: Token): number | bigint {
  const { bytes, start, stop } = reader;
  if (token === "integer" && stop - start <= 15) {
    const negative = bytes[start] === 0x2d;
    let value = 0;
    for (let i = negative ? start + 1 : start; i < stop; i++) value = value * 10 + bytes[i]! - 0x30;
    return negative ? -value : value;
  }
  const text = reader.text();
  return token === "integer" ? BigInt(text) : Number(text);
}

function joinText(text: JsonText, tensor: Tensor): Uint8Array<ArrayBuffer> {
  const out = new JsonWriter(text.end - text.start, Infinity);
  const encoder = new TextEncoder();
  const length = new Uint8Array(4);
  const view = new DataView(length.buffer);
  eachToken(text, tensor, (reader) => {
    const { bytes, start, stop } = reader;
    const unescaped = reader.escaped ? encoder.encode(reader.string()) : undefined;
    view.setUint32(0, unescaped?.length ?? stop - start - 2, true);
    out.copy(length);
    if (unescaped === undefined) out.copy(bytes, start + 1, stop - 1);
    else out.copy(unescaped);
  });
  return out.finish();
}

function isUtf8(bytes: Uint8Array): boolean {
  if (bytes.every((byte) => byte < 0x80)) return true;
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** Returns the least and the greatest value of an integer datatype. */
function rangeOf(datatype: Datatype): readonly [bigint, bigint] {
  const bits = BigInt(8 * DATATYPES[datatype].size);
  return datatype.startsWith("U") ? [0n, 2n ** bits - 1n] : [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n];
}

const float = new Float32Array(1);
const floatBits = new Uint32Array(float.buffer);

function upperHalf(value: number): number {
  float[0] = value;
  const bits = floatBits[0]!;
  if (Number.isNaN(value)) return 0x7fc0;
  // Round to nearest, ties to even.
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

function wrong(name: string, datatype: Datatype, shown: string): RangeError {
  return new RangeError(`The tensor '${name}' holds ${shown}, which is not a valid ${datatype}`);
}

function wrongKind({ place = "It" }: JsonText, datatype: Datatype, shown: string): RangeError {
  return new RangeError(`${place} must hold ${datatype === "BYTES" ? "strings" : "numbers"}, not ${shown}`);
}

function wrongCount({ place = "It", ...text }: JsonText, { shape }: Pick<Tensor, "shape">, found?: number): RangeError {
  const count = found ?? countTokens(text);
  return new RangeError(`${place} has ${count} elements, but its shape has ${countOf(shape)}`);
}

/** Counts the elements in JSON text. */
function countTokens({ bytes, start, end }: Omit<JsonText, "place">): number {
  const reader = new JsonReader(bytes, start, end, MAX_DIMENSIONS);
  let count = 0;
  for (let token = reader.next(); token !== "end"; token = reader.next()) if (token !== "[" && token !== "]") count++;
  return count;
}
