/** Reads and writes a numeric tensor as a NumPy file of version 1.0: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */

import { type Datatype, DATATYPES } from "./datatype.ts";
import { bytesOf, countOf, type Tensor } from "./tensor.ts";

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** Everything before the data has a length that is a multiple of this, in bytes. */
const ALIGNMENT = 64;

/** The content type of NumPy files. */
export const NPY = "application/x-npy";

/**
 * Writes a tensor as a NumPy file.
 *
 * @param room how many bytes before those of the tensor may be overwritten: if the file's header fits there, nothing is copied
 * @throws {RangeError} if NumPy has no such datatype, or a value does not fit it
 */
export function encodeNpy(tensor: Tensor, room = 0): Uint8Array<ArrayBuffer> {
  const { datatype, shape, name } = tensor;
  const { npy } = DATATYPES[datatype];
  if (npy === undefined) throw new RangeError(`The tensor '${name}' of ${datatype} can't be passed as ${NPY}`);
  const dimensions = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const dictionary = `{'descr': '${npy}', 'fortran_order': False, 'shape': (${dimensions}), }`;
  const length = Math.ceil((MAGIC.length + 4 + dictionary.length + 1) / ALIGNMENT) * ALIGNMENT;
  const data = bytesOf(tensor);
  const inPlace = length <= room && data === tensor.bytes;
  const file = inPlace
    ? new Uint8Array(data.buffer, data.byteOffset - length, length + data.length)
    : new Uint8Array(length + data.length);
  file.set([...MAGIC, 1, 0]);
  new DataView(file.buffer, file.byteOffset).setUint16(8, length - 10, true);
  encoder.encodeInto(`${dictionary.padEnd(length - 11)}\n`, file.subarray(10));
  if (!inPlace) file.set(data, length);
  return file;
}

/**
 * Reads a tensor from a NumPy file.
 *
 * @throws {RangeError} if it is not a NumPy file, or the protocol has no datatype for its elements
 */
export function decodeNpy(file: Uint8Array<ArrayBuffer>): Omit<Tensor, "name"> {
  const [major = 0] = file.subarray(6, 7);
  if (file.length < 12 || MAGIC.some((byte, index) => file[index] !== byte) || major < 1 || major > 3) {
    throw new RangeError(`The ${NPY} content does not begin with NumPy's magic number`);
  }
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const start = major === 1 ? 10 : 12;
  const end = start + (major === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  const header = latin1.decode(file.subarray(start, Math.min(end, start + 4096)));
  const found = /^\{'descr': '([^']+)', 'fortran_order': (True|False), 'shape': \(([\d, ]*)\),? *\}\s*$/.exec(header);
  if (found === null) {
    throw new RangeError(`A file of ${NPY} can't be a tensor: its header is ${JSON.stringify(header)}`);
  }
  const [, descr, fortran, dimensions] = found;
  const datatype = (Object.keys(DATATYPES) as Datatype[]).find((name) => DATATYPES[name].npy === descr);
  if (datatype === undefined) {
    throw new RangeError(`A file of ${NPY} can't be a tensor: its elements are '${descr}', not little-endian numbers`);
  }
  const shape = dimensions!.split(",").map((size) => size.trim()).filter(Boolean).map(Number);
  if (fortran === "True" && shape.length > 1) {
    throw new RangeError(`A file of ${NPY} can't be a tensor: it is in Fortran's order (use numpy.ascontiguousarray)`);
  }
  const bytes = file.subarray(end);
  const expected = countOf(shape) * DATATYPES[datatype].size;
  if (bytes.length !== expected) {
    throw new RangeError(`A file of ${NPY} holds ${bytes.length} bytes of data where its header says ${expected}`);
  }
  return { datatype, shape, bytes };
}

const encoder = new TextEncoder();
const latin1 = new TextDecoder("latin1");
