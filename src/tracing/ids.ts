/** Makes the ids of traces and spans. They must be unique, not secret: `Math.random()` is enough, and fast. */

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/**
 * A random trace id, 32 hexadecimal digits.
 *
 * @param place where its last 64 bits are among all numbers of 64 bits, from 0 to less than 1
 */
export function traceIdAt(place: number): string {
  const scaled = place * 2 ** 32;
  const high = Math.floor(scaled);
  // A place has at most 52 bits; the last 12 are random.
  return word() + word() + hex(high) + hex((scaled - high) * 2 ** 20 << 12 | Math.random() * 2 ** 12);
}

/** A random span id: 16 hexadecimal digits, not all of them 0. */
export function randomSpanId(): string {
  return word() + word();
}

/** The `traceparent` of a span that is sampled. */
export function traceparentOf(traceId: string, spanId: string): string {
  return `00-${traceId}-${spanId}-01`;
}

/**
 * Makes a `traceparent` that says that its trace is not sampled, for what a request causes whose own trace has no id.
 * Its id has `ffff` where other programs compare the id with a ratio: they don't sample the trace either.
 */
export function unsampledTraceparent(): string {
  return `00-${word()}${word()}ffff${word()}${word().slice(0, 4)}-${randomSpanId()}-00`;
}

/** Eight hexadecimal digits, the last of them odd: an id of zeros would be invalid. */
function word(): string {
  return hex(Math.random() * 2 ** 32 | 1);
}

function hex(bits: number): string {
  return HEX[bits >>> 24]! + HEX[bits >>> 16 & 255] + HEX[bits >>> 8 & 255] + HEX[bits & 255];
}
