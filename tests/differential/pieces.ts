/** Splits bytes into pieces, as they arrive on a connection. */

/** Latin-1. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

/** Splits bytes into pieces of random lengths up to `most`. */
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
