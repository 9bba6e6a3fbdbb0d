/** Helpers for byte arrays. */

/** Whether the bytes from `start` to `end` (exclusive) start with `others`. */
export function startsWith(bytes: Uint8Array, start: number, end: number, others: Uint8Array): boolean {
  const { length } = others;
  if (end - start < length) return false;
  for (let i = 0; i < length; i++) if (bytes[start + i] !== others[i]) return false;
  return true;
}

/** Joins pieces whose lengths add up to `length`. */
export function joined(pieces: readonly Uint8Array<ArrayBuffer>[], length: number): Uint8Array<ArrayBuffer> {
  if (pieces.length === 1) return pieces[0]!;
  const all = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** Decodes Latin-1, in which each byte is a character: the encoding of an HTTP head. */
export function latin1(bytes: Uint8Array): string {
  const text = utf8.decode(bytes);
  // Nearly all of it is ASCII, which the UTF-8 decoder handles faster.
  return /^[\0-\x7f]*$/.test(text) ? text : Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
