/** Requests of the Open Inference Protocol: the tensors that a script describes, and the values for them. */

import type { Schema } from "./schema.ts";

/** A tensor that a script takes. */
export interface TensorSpec {
  readonly name: string;
  readonly datatype: string;
  /** -1 stands for any size. */
  readonly shape: readonly number[];
}

/** A tensor of a request. */
export interface Tensor extends TensorSpec {
  readonly data: readonly unknown[];
}

/** The most elements that a form proposes for a tensor. */
const MAX_PROPOSED = 4096;

/** The input tensors of a script's description; empty if it has none. */
export function inputsOf(described: unknown): readonly TensorSpec[] {
  const inputs = (described as { inputs?: unknown } | null | undefined)?.inputs;
  return Array.isArray(inputs) ? inputs : [];
}

/** Proposes a request: a tensor of zeros, or of empty texts, for each that the script takes. */
export function proposeRequest(specs: readonly TensorSpec[]): { inputs: Tensor[] } {
  return {
    inputs: specs.map(({ name, datatype, shape }) => {
      const sizes = shape.map((size) => size < 0 ? 1 : size);
      const length = sizes.reduce((product, size) => product * size, 1);
      const zero = datatype === "BYTES" ? "" : datatype === "BOOL" ? false : 0;
      return { name, datatype, shape: sizes, data: Array(Math.min(length, MAX_PROPOSED)).fill(zero) };
    }),
  };
}

/** Whether a value is a request of the protocol. */
export function isTensorRequest(value: unknown): value is { inputs: Tensor[] } {
  const inputs = (value as { inputs?: unknown } | null | undefined)?.inputs;
  return Array.isArray(inputs) && inputs.length > 0 &&
    inputs.every((input) => typeof input === "object" && input !== null && "datatype" in input && "data" in input);
}

/** Gives a tensor other data, and the shape that they have: the nesting of lists, else the only size that is not fixed. */
export function withData(tensor: Tensor, spec: TensorSpec, data: readonly unknown[]): Tensor {
  if (Array.isArray(data[0])) return { ...tensor, shape: nestingOf(data), data };
  const open = spec.shape.findIndex((size) => size < 0);
  const others = spec.shape.reduce((product, size) => product * (size < 0 ? 1 : size), 1);
  const shape = spec.shape.map((size) => size < 0 ? 1 : size);
  if (open >= 0 && data.length % others === 0) shape[open] = data.length / others;
  return { ...tensor, shape, data };
}

function nestingOf(data: unknown): number[] {
  const sizes: number[] = [];
  for (let list = data; Array.isArray(list); list = list[0]) sizes.push(list.length);
  return sizes;
}

/** The schema of one element of a tensor. */
export function elementOf(datatype: string): Schema {
  if (datatype === "BYTES") return { type: "string" };
  if (datatype === "BOOL") return { type: "boolean" };
  return { type: /^(FP|BF)/.test(datatype) ? "number" : "integer" };
}
