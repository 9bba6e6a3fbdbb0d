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

/** Writes it. */
export function formatJson(value: unknown): string {
  const raw = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;
  return JSON.stringify(value, (_, item) => typeof item === "bigint" ? raw(String(item)) : item);
}
