/** What a script says of its tensors, by its hook `v2_metadata`; the bridge has checked it. */

import type { Datatype } from "./datatype.ts";

/** A tensor that a script takes or gives. */
export interface TensorSpec {
  readonly name: string;
  readonly datatype: Datatype;
  /** -1 for a dimension of any size. */
  readonly shape: readonly number[];
  /** What `deserialize` is to get it as, or what `serialize` is asked for. */
  readonly content_type?: string;
}

/** The tensors that a model takes and gives, as its script's `v2_metadata` declares them. */
export interface Signature {
  readonly platform?: string;
  readonly inputs?: readonly TensorSpec[];
  readonly outputs?: readonly TensorSpec[];
}

/** Whether a shape is as a script says. */
export function fits(shape: readonly number[], spec: readonly number[]): boolean {
  return shape.length === spec.length && spec.every((size, index) => size === -1 || size === shape[index]);
}
