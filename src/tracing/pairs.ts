/** Parses variables that list names with their values: `NAME=VALUE,NAME=VALUE`, percent-encoded as W3C Baggage is. */

/** A header's name: RFC 9110, section 5.1. */
const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/;
/** A header's value: printable ASCII, which excludes line breaks. */
const VALUE = /^[\x20-\x7e]*$/;

/** Receives the place of an entry that is ignored, counted from 1. The entry itself may contain a secret. */
export type Rejected = (variable: string, position: number) => void;

/**
 * Parses a list; a later entry replaces an earlier one with the same name.
 *
 * @param variable the variable's name, for messages
 * @param headers whether the names are of headers; they are converted to lower case
 */
export function parsePairs(
  variable: string,
  text: string | undefined,
  rejected: Rejected,
  headers = false,
): Record<string, string> {
  const pairs = new Map<string, string>();
  for (const [index, entry] of (text ?? "").split(",").entries()) {
    if (entry.trim() === "") continue;
    const [, name, value] = /^\s*([^=\s]+)\s*=(.*)$/s.exec(entry) ?? [];
    const decoded = value === undefined ? undefined : decode(value.trim());
    if (decoded === undefined || (headers && !(TOKEN.test(name!) && VALUE.test(decoded)))) {
      rejected(variable, index + 1);
    } else pairs.set(headers ? name!.toLowerCase() : name!, decoded);
  }
  return Object.fromEntries(pairs);
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
