/** The datatypes of the Open Inference Protocol V2, and NumPy's names for them. */

/** The name of a tensor's datatype in the Open Inference Protocol. */
export type Datatype = keyof typeof DATATYPES;

/** Each datatype's size in bytes (0 if elements differ in length) and its name in NumPy files, if it has one. */
export const DATATYPES = {
  BOOL: { size: 1, npy: "|b1" },
  UINT8: { size: 1, npy: "|u1" },
  UINT16: { size: 2, npy: "<u2" },
  UINT32: { size: 4, npy: "<u4" },
  UINT64: { size: 8, npy: "<u8" },
  INT8: { size: 1, npy: "|i1" },
  INT16: { size: 2, npy: "<i2" },
  INT32: { size: 4, npy: "<i4" },
  INT64: { size: 8, npy: "<i8" },
  FP16: { size: 2, npy: "<f2" },
  BF16: { size: 2, npy: undefined },
  FP32: { size: 4, npy: "<f4" },
  FP64: { size: 8, npy: "<f8" },
  BYTES: { size: 0, npy: undefined },
} as const;

/** Whether a value is the name of a datatype. */
export function isDatatype(word: unknown): word is Datatype {
  return typeof word === "string" && Object.hasOwn(DATATYPES, word);
}

/** Whether the datatype's elements are integers. */
export function isInteger(datatype: Datatype): boolean {
  return /^U?INT/.test(datatype);
}

/** The arrays that hold elements of one size; those of BF16 hold the upper half of FP32. */
type Elements =
  | Uint8Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | BigUint64Array<ArrayBuffer>
  | Int8Array<ArrayBuffer>
  | Int16Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | BigInt64Array<ArrayBuffer>
  | Float16Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>;

/**
 * Returns bytes as a typed array; the machine is little-endian, as the protocol is. It copies bytes that don't begin at a multiple of
 * an element's size.
 */
export function elementsOver(datatype: Exclude<Datatype, "BYTES">, bytes: Uint8Array<ArrayBuffer>): Elements {
  const { size } = DATATYPES[datatype];
  const { buffer, byteOffset: offset } = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  const length = bytes.length / size;
  switch (datatype) {
    case "BOOL":
    case "UINT8":
      return new Uint8Array(buffer, offset, length);
    case "UINT16":
    case "BF16":
      return new Uint16Array(buffer, offset, length);
    case "UINT32":
      return new Uint32Array(buffer, offset, length);
    case "UINT64":
      return new BigUint64Array(buffer, offset, length);
    case "INT8":
      return new Int8Array(buffer, offset, length);
    case "INT16":
      return new Int16Array(buffer, offset, length);
    case "INT32":
      return new Int32Array(buffer, offset, length);
    case "INT64":
      return new BigInt64Array(buffer, offset, length);
    case "FP16":
      return new Float16Array(buffer, offset, length);
    case "FP32":
      return new Float32Array(buffer, offset, length);
    case "FP64":
      return new Float64Array(buffer, offset, length);
  }
}
