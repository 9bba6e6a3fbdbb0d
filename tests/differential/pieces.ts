/** Bytes as a connection brings them. */

/** Latin-1. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

/** The bytes in pieces of any length up to `most`. */
export function piecesOf(
  bytes: Uint8Array<ArrayBuffer>,
  random: Iterator<number>,
  most: number,
): Uint8Array<ArrayBuffer>[] {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 1 + Math.floor(random.next().value * most);
    pieces.push(bytes.subarray(at, end));
    at = end;
  }
  return pieces;
}
