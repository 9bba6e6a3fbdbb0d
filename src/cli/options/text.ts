/** The kind of value that any word is. */

import type { Value } from "./option.ts";

/** A value that is any word. */
export function text(metavar: string): Value<string> {
  return { metavar, read: (word) => word, format: (value) => value, otherwise: { kind: "none" } };
}
