/** Helpers for byte arrays. */

/** Whether the bytes from `start` to `end` (exclusive) start with `others`. */
export function startsWith(bytes: Uint8Array, start: number, end: number, others: Uint8Array): boolean {
  const { length } = others;
  if (end - start < length) return false;
  for (let i = 0; i < length; i++) if (bytes[start + i] !== others[i]) return false;
  return true;
}
