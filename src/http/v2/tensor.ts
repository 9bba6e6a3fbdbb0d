/** Tensors: their elements as JSON has them, as the binary extension has them, and from one to the other. */

import { type Datatype, DATATYPES, elementsOver, isInteger } from "./datatype.ts";

/** An element as JSON has it; of INT64 and UINT64 a bigint where a number is not exact. */
export type Value = number | bigint | boolean | string;

/** A tensor. Its elements are there in one form, or in the other. */
export interface Tensor {
  readonly name: string;
  readonly datatype: Datatype;
  /** No dimension is a scalar. */
  readonly shape: readonly number[];
  /** In row-major order. */
  readonly values?: readonly Value[];
  /** The same as raw little-endian bytes; of BYTES, each element behind its length as a u32. */
  readonly bytes?: Uint8Array<ArrayBuffer>;
  /** Of BYTES: what its elements are, if they are not text. */
  readonly contentType?: string;
}

/** How many elements a shape has. */
export function countOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/**
 * The elements as raw bytes.
 *
 * @throws {RangeError} that says which value is none of its datatype
 */
export function bytesOf({ datatype, values, bytes, name }: Tensor): Uint8Array<ArrayBuffer> {
  if (bytes !== undefined) return bytes;
  if (datatype === "BYTES") return joinElements(elementsOf({ datatype, values: values!, name, shape: [] }));
  const buffer = new ArrayBuffer(values!.length * DATATYPES[datatype].size);
  const elements = elementsOver(datatype, buffer);
  const wide = datatype === "INT64" || datatype === "UINT64";
  for (const [index, value] of values!.entries()) {
    if (typeof value === "string") throw wrong(name, datatype, value);
    if (datatype === "BF16") elements[index] = upperHalf(Number(value));
    else if (wide) {
      const whole = typeof value === "boolean" || Number.isInteger(Number(value)) ? BigInt(value) : undefined;
      if (whole !== undefined) elements[index] = whole;
      if (elements[index] !== whole) throw wrong(name, datatype, value);
    } else {
      elements[index] = Number(value);
      if (isInteger(datatype) && elements[index] !== Number(value)) throw wrong(name, datatype, value);
      if (datatype === "BOOL" && elements[index]! > 1) throw wrong(name, datatype, value);
    }
  }
  return new Uint8Array(buffer);
}

/**
 * The elements as JSON has them; those of BYTES as text.
 *
 * @throws {TypeError} if one of BYTES is not in UTF-8
 */
export function valuesOf({ datatype, values, bytes }: Tensor): readonly Value[] {
  if (values !== undefined) return values;
  if (datatype === "BYTES") {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return splitElements(bytes!)!.map((element) => decoder.decode(element));
  }
  // A view must begin at a multiple of its elements' size.
  const elements = elementsOver(datatype, bytes!.slice().buffer);
  switch (datatype) {
    case "BOOL":
      return Array.from(elements as Uint8Array, (element) => element !== 0);
    case "BF16":
      return [...new Float32Array(Uint32Array.from(elements as Uint16Array, (half) => half * 65536).buffer)];
    case "INT64":
    case "UINT64":
      return Array.from(elements as BigInt64Array, (value) => {
        const number = Number(value);
        return Number.isSafeInteger(number) ? number : value;
      });
    default:
      return [...elements as Float64Array];
  }
}

/** The elements of BYTES, as bytes. */
export function elementsOf({ values, bytes }: Tensor): Uint8Array<ArrayBuffer>[] {
  if (bytes !== undefined) return splitElements(bytes)!;
  const encoder = new TextEncoder();
  return values!.map((value) => encoder.encode(String(value)));
}

/** Elements of BYTES, each behind its length. */
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

/** The other way round; undefined if the lengths do not fit. */
export function splitElements(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>[] | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const elements: Uint8Array<ArrayBuffer>[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    if (offset + 4 > bytes.length) return undefined;
    const end = offset + 4 + view.getUint32(offset, true);
    if (end > bytes.length) return undefined;
    elements.push(bytes.subarray(offset + 4, end));
    offset = end;
  }
  return elements;
}

/** Nested lists in a tensor's shape; its only value if it is a scalar. */
export function nested(values: readonly unknown[], shape: readonly number[]): unknown {
  let level = values;
  for (let last = shape.length - 1; last > 0; last--) {
    const size = shape[last]!;
    const inner = level;
    level = Array.from(
      { length: countOf(shape.slice(0, last)) },
      (_, index) => inner.slice(index * size, (index + 1) * size),
    );
  }
  return shape.length === 0 ? level[0] : level;
}

function upperHalf(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0]!;
  if (Number.isNaN(value)) return 0x7fc0;
  // To the nearest, and of two that are as near to the even one.
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

function wrong(name: string, datatype: Datatype, value: Value): RangeError {
  const shown = typeof value === "string" ? JSON.stringify(value) : String(value);
  return new RangeError(`The tensor '${name}' holds ${shown}, which is no ${datatype}`);
}
