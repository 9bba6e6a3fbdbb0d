/**
 * JSON whose numbers keep their digits: a number of JavaScript has 53 bits, and the ids of many models have 64.
 *
 * Browsers without "JSON.parse source text access" (before Chrome 114, Firefox 135 and Safari 18.4) round such numbers.
 */

/** A number as it is in the text. `JSON.stringify()` writes it unchanged. */
export interface ExactNumber {
  readonly rawJSON: string;
}

/** What `JSON` has beside the members that TypeScript knows of. */
interface SourceAccess {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context?: { readonly source?: string }) => unknown,
  ): unknown;
  readonly rawJSON?: (text: string) => ExactNumber;
  readonly isRawJSON?: (value: unknown) => boolean;
}

const access = JSON as unknown as SourceAccess;

/** Integers from here on may have more digits than a number of JavaScript keeps: 2^53 has 16. */
const LONG_INTEGER = /(?:^|[^.\d])\d{16}/;

/** Parses JSON. An integer that a number of JavaScript can't hold becomes an {@linkcode ExactNumber}. @throws {SyntaxError} if it is not JSON */
export function parseJson(text: string): unknown {
  if (!LONG_INTEGER.test(text)) return JSON.parse(text);
  return parseKeeping(text, (value, source) => !Number.isSafeInteger(value) && /^-?\d+$/.test(source));
}

/** Parses a text as {@linkcode parseJson}; undefined if it is not JSON. */
export function parseIfJson(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: parseJson(text) };
  } catch {
    return undefined;
  }
}

/** Parses JSON to write it again: each number that would be written in another way, such as `1.0`, becomes an {@linkcode ExactNumber}. @throws {SyntaxError} if it is not JSON */
export function parseVerbatim(text: string): unknown {
  return parseKeeping(text, (value, source) => String(value) !== source);
}

function parseKeeping(text: string, keeps: (value: number, source: string) => boolean): unknown {
  const { rawJSON } = access;
  if (rawJSON === undefined) return JSON.parse(text);
  return access.parse(text, (_, value, context) => {
    const source = context?.source;
    return typeof value === "number" && source !== undefined && keeps(value, source) ? rawJSON(source) : value;
  });
}

/** Whether a value is a number that keeps its digits. */
export function isExact(value: unknown): value is ExactNumber {
  return access.isRawJSON?.(value) ?? false;
}

/** Whether a value is an object or a list. */
export function isContainer(value: unknown): value is object {
  return typeof value === "object" && value !== null && !isExact(value);
}
