/**
 * Reads scalars from TensorBoard's events (`tensorboard/compat/proto/event.proto`, `summary.proto` and `tensor.proto`), which are
 * messages of Protocol Buffers (https://protobuf.dev/programming-guides/encoding/). Everything else in them is skipped.
 */

/** The scalars of an event. */
export interface ScalarEvent {
  readonly step: number;
  /** In seconds since 1970. */
  readonly time: number;
  readonly scalars: readonly { readonly tag: string; readonly value: number }[];
}

/** Field numbers. */
const EVENT = { time: 1, step: 2, summary: 5 } as const;
const SUMMARY = { value: 1 } as const;
const VALUE = { tag: 1, simple: 2, tensor: 8 } as const;
const TENSOR = { type: 1, shape: 2, content: 4, floats: 5, doubles: 6, ints: 7, longs: 10, halves: 13 } as const;
const SHAPE = { dimension: 2 } as const;
const DIMENSION = { size: 1 } as const;

/** Types of tensors (`types.proto`). */
const FLOAT = 1, DOUBLE = 2, INT32 = 3, INT64 = 9, BFLOAT16 = 14, HALF = 19;

/** A field of a message: a number, or bytes. */
interface Field {
  readonly number: number;
  readonly value: number | Uint8Array;
}

const decoder = new TextDecoder();

/** Reads the scalars of an event. @returns undefined if it has no scalars, or is not a valid message */
export function readEvent(bytes: Uint8Array): ScalarEvent | undefined {
  let [time, step] = [0, 0];
  const scalars: { tag: string; value: number }[] = [];
  try {
    for (const { number, value } of fieldsOf(bytes)) {
      if (number === EVENT.time) time = float(value, 8);
      else if (number === EVENT.step && typeof value === "number") step = value;
      else if (number === EVENT.summary && typeof value !== "number") {
        for (const one of fieldsOf(value)) {
          const scalar = one.number === SUMMARY.value && typeof one.value !== "number"
            ? readValue(one.value)
            : undefined;
          if (scalar !== undefined) scalars.push(scalar);
        }
      }
    }
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
  return scalars.length === 0 ? undefined : { step, time, scalars };
}

function readValue(bytes: Uint8Array): { tag: string; value: number } | undefined {
  let tag = "";
  let value: number | undefined;
  for (const field of fieldsOf(bytes)) {
    if (field.number === VALUE.tag && typeof field.value !== "number") tag = decoder.decode(field.value);
    else if (field.number === VALUE.simple) value = float(field.value, 4);
    else if (field.number === VALUE.tensor && typeof field.value !== "number") value = readTensor(field.value);
  }
  return value === undefined ? undefined : { tag, value };
}

/** The element of a tensor; undefined if it has several, or its type is not numeric. */
function readTensor(bytes: Uint8Array): number | undefined {
  let type = 0;
  let content: Uint8Array | undefined;
  let listed: number | Uint8Array | undefined;
  for (const { number, value } of fieldsOf(bytes)) {
    if (number === TENSOR.type && typeof value === "number") type = value;
    else if (number === TENSOR.shape && typeof value !== "number" && hasSeveral(value)) return undefined;
    else if (number === TENSOR.content && typeof value !== "number") content = value;
    else if (LISTS[type] === number) listed = value;
  }
  if (content !== undefined && content.length > 0) return element(content, type);
  // Elements that are left out are zero.
  if (listed === undefined) return LISTS[type] === undefined ? undefined : 0;
  switch (type) {
    case FLOAT:
      return float(listed, 4);
    case DOUBLE:
      return float(listed, 8);
    default: {
      // A list of varints is packed, or has its only element alone.
      const number = typeof listed === "number" ? listed : varint(listed, 0)[0];
      return type === HALF || type === BFLOAT16 ? small(number, type) : number;
    }
  }
}

/** The field that lists the elements of a type. */
const LISTS: Readonly<Record<number, number>> = {
  [FLOAT]: TENSOR.floats,
  [DOUBLE]: TENSOR.doubles,
  [INT32]: TENSOR.ints,
  [INT64]: TENSOR.longs,
  [HALF]: TENSOR.halves,
  [BFLOAT16]: TENSOR.halves,
};

function hasSeveral(shape: Uint8Array): boolean {
  for (const { number, value } of fieldsOf(shape)) {
    if (number !== SHAPE.dimension || typeof value === "number") continue;
    for (const field of fieldsOf(value)) if (field.number === DIMENSION.size && field.value !== 1) return true;
  }
  return false;
}

function element(content: Uint8Array, type: number): number | undefined {
  const view = viewOf(content);
  switch (type) {
    case FLOAT:
      return view.getFloat32(0, true);
    case DOUBLE:
      return view.getFloat64(0, true);
    case INT32:
      return view.getInt32(0, true);
    case INT64:
      return Number(view.getBigInt64(0, true));
    case HALF:
    case BFLOAT16:
      return small(view.getUint16(0, true), type);
    default:
      return undefined;
  }
}

/** A 16-bit number. */
function small(bits: number, type: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint16(type === HALF ? 0 : 2, bits & 0xffff, true);
  return type === HALF ? view.getFloat16(0, true) : view.getFloat32(0, true);
}

/** A number of a fixed length. @throws {RangeError} if there are fewer bytes */
function float(value: number | Uint8Array, length: 4 | 8): number {
  if (typeof value === "number") throw new RangeError("A varint is no float");
  const view = viewOf(value);
  return length === 4 ? view.getFloat32(0, true) : view.getFloat64(0, true);
}

/** Reads the fields of a message. Fixed numbers are their bytes. @throws {RangeError} if it is not a valid message */
function* fieldsOf(bytes: Uint8Array): Generator<Field> {
  let at = 0;
  while (at < bytes.length) {
    const [key, start] = varint(bytes, at);
    const kind = key & 7;
    if (kind === 0) {
      const [value, end] = varint(bytes, start);
      yield { number: key >>> 3, value };
      at = end;
      continue;
    }
    const [length, from] = kind === 2 ? varint(bytes, start) : [kind === 1 ? 8 : kind === 5 ? 4 : NaN, start];
    if (!(from + length <= bytes.length)) throw new RangeError("A field ends after its message");
    yield { number: key >>> 3, value: bytes.subarray(from, from + length) };
    at = from + length;
  }
}

/** Reads a signed 64-bit number. @throws {RangeError} if it does not end */
function varint(bytes: Uint8Array, at: number): [value: number, end: number] {
  const first = bytes[at];
  if (first !== undefined && first < 0x80) return [first, at + 1];
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = bytes[at++];
    if (byte === undefined) break;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return [Number(BigInt.asIntN(64, value)), at];
  }
  throw new RangeError("A number does not end");
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
