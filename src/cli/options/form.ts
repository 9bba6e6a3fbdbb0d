/** A form of a command line: its fields, and the type of what they are parsed to. */

import type { Field, Fields } from "./option.ts";

/** The values of fields. */
export type ValuesOf<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

/** A form of a command line that is parsed to a `T`. */
export interface Form<T> {
  /** Arguments are in the order of the command line. */
  readonly fields: Fields;
  /** Whether options may follow arguments. With `first`, they end at the first argument. */
  readonly options: "anywhere" | "first";
  /** Makes the result from the fields' values. */
  // deno-lint-ignore no-explicit-any
  readonly result: (values: any) => T;
}

/** Defines a form in which options and arguments may be mixed. */
export function form<F extends Fields>(fields: F): Form<ValuesOf<F>> {
  return { fields, options: "anywhere", result: (values) => values };
}

/** Defines a form in which options come before all arguments. */
export function optionsFirst<F extends Fields>(fields: F): Form<ValuesOf<F>> {
  return { fields, options: "first", result: (values) => values };
}

/** Makes a form with another result. */
export function mapped<T, U>(form: Form<T>, convert: (parsed: T) => U): Form<U> {
  return { ...form, result: (values) => convert(form.result(values)) };
}
