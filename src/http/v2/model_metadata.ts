/** The tensors that a script declares in its hook `v2_metadata`; the bridge has validated them. */

import type { Datatype } from "./datatype.ts";

/** A tensor that a script accepts or returns. */
export interface TensorSpec {
  readonly name: string;
  readonly datatype: Datatype;
  /** -1 for a dimension of any size. */
  readonly shape: readonly number[];
  /** The content type that `deserialize` receives, or that `serialize` is asked for. */
  readonly content_type?: string;
}

/** The tensors that a model takes and gives, as its script's `v2_metadata` declares them. */
export interface Signature {
  readonly platform?: string;
  readonly inputs?: readonly TensorSpec[];
  readonly outputs?: readonly TensorSpec[];
}

/** Whether a shape matches the one that a script declares. */
export function fits(shape: readonly number[], spec: readonly number[]): boolean {
  return shape.length === spec.length && spec.every((size, index) => size === -1 || size === shape[index]);
}
