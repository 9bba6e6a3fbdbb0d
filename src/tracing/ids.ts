/** Makes the ids of traces and spans. They must be unique, not secret: `Math.random()` is enough, and fast. */

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** A random trace id: 32 hexadecimal digits. */
export function randomTraceId(): string {
  return word() + word() + word() + word();
}

/** A random span id: 16 hexadecimal digits, not all of them 0. */
export function randomSpanId(): string {
  return word() + word();
}

/** Eight hexadecimal digits, the last of them not 0: an id of zeros is invalid. */
function word(): string {
  const bits = Math.random() * 2 ** 32 | 1;
  return HEX[bits >>> 24]! + HEX[bits >>> 16 & 255] + HEX[bits >>> 8 & 255] + HEX[bits & 255];
}
