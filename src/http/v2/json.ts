/** JSON whose integers keep all of their digits. */

interface Source {
  readonly source: string;
}

/** Parses it: integers that a number can't hold exactly are bigints. @throws {SyntaxError} if it is none */
export function parseJson(text: string): unknown {
  // Only sixteen digits in a row can be one.
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  const exact = (_: string, value: unknown, context?: Source) =>
    typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? "")
      ? BigInt(context!.source)
      : value;
  return JSON.parse(text, exact as (key: string, value: unknown) => unknown);
}

/**
 * The members of the outermost object or list that are, or hold, a number which is written with a point or an exponent, such
 * as 1.0: Python writes floats so, whatever their value.
 *
 * @param text JSON, which parses
 */
export function membersWithFloats(text: string): ReadonlySet<string> {
  if (!/\d[.eE]/.test(text)) return new Set();
  const found = new WeakMap<object, Set<string>>();
  const look = function (this: object, key: string, value: unknown, context?: Source) {
    const isOne = typeof value === "number" && /[.eE]/.test(context?.source ?? "");
    if (isOne || found.has(Object(value))) found.set(this, (found.get(this) ?? new Set()).add(key));
    return value;
  };
  const root: unknown = JSON.parse(text, look as (key: string, value: unknown) => unknown);
  return typeof root === "number" ? new Set([""]) : found.get(Object(root)) ?? new Set();
}

/** Writes it. */
export function formatJson(value: unknown): string {
  const raw = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;
  return JSON.stringify(value, (_, item) => typeof item === "bigint" ? raw(String(item)) : item);
}
