/**
 * Finds the times in the metadata of an answer without parsing it as JSON, which would take longer than all else that is done with the
 * answer: the metadata of each answer with times differs, while that of all others is nearly always the same.
 */

import { startsWith } from "../bytes.ts";

/** What follows the metadata of an answer without times, up to its closing brace; `_bridge/handler.py` writes it. */
const TIMES = new TextEncoder().encode(', "times": [');

const [ZERO, NINE, POINT, COMMA, SPACE, BRACKET, BRACE] = Array.from("09., ]}", (char) => char.charCodeAt(0)) as [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
];

/** The most digits of a number that is exact without its point. */
const MAX_DIGITS = 15;

/**
 * Returns the times in `metadata`, in seconds, if it is `plain` with times added in the usual form; undefined otherwise.
 *
 * @param plain the metadata of an answer without times
 */
export function timesAfter(plain: Uint8Array, metadata: Uint8Array): number[] | undefined {
  const { length } = metadata;
  const prefix = plain.length - 1;
  if (prefix < 2 || length < prefix + TIMES.length + 2) return undefined;
  for (let i = 0; i < prefix; i++) if (metadata[i] !== plain[i]) return undefined;
  if (!startsWith(metadata, prefix, length, TIMES)) return undefined;
  if (metadata[length - 1] !== BRACE || metadata[length - 2] !== BRACKET) return undefined;
  const times: number[] = [];
  let value = 0;
  let digits = 0;
  /** The power of ten by which the digits after the point are divided; 0 before it. */
  let scale = 0;
  for (let at = prefix + TIMES.length; at < length - 1; at++) {
    const byte = metadata[at]!;
    if (byte >= ZERO && byte <= NINE && digits < MAX_DIGITS) {
      value = value * 10 + byte - ZERO;
      digits++;
      scale *= 10;
    } else if (byte === POINT && scale === 0 && digits > 0) scale = 1;
    else if ((byte === COMMA || byte === BRACKET) && digits > 0 && scale !== 1) {
      times.push(scale > 1 ? value / scale : value);
      value = digits = scale = 0;
    } else if (byte !== SPACE || digits > 0) return undefined;
  }
  return times;
}

/** Returns `metadata` without its times, if it has them in the usual form; undefined otherwise. */
export function withoutTimes(metadata: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  // A quotation mark within a string has a backslash before it.
  let at = metadata.length - TIMES.length;
  while (at > 0 && !startsWith(metadata, at, metadata.length, TIMES)) at--;
  if (at <= 0) return undefined;
  const plain = metadata.slice(0, at + 1);
  plain[at] = BRACE;
  return timesAfter(plain, metadata) === undefined ? undefined : plain;
}
