/** Splits an input into its lines, each of which is a record. */

import { Gathered } from "./gather.ts";
import { type Found, tooLong } from "./record.ts";

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;

/**
 * Yields the lines of an input without their ends, `\n` or `\r\n`. The last one needs no end. Blank lines are
 * left out.
 */
export async function* splitLines(pieces: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Found> {
  const line = new Gathered(maxBytes);
  for await (const piece of pieces) {
    let start = 0;
    for (let end = piece.indexOf(NEWLINE); end >= 0; end = piece.indexOf(NEWLINE, start)) {
      line.add(piece.subarray(start, end));
      start = end + 1;
      const found = finish(line, maxBytes);
      if (found !== undefined) yield found;
    }
    line.add(piece.subarray(start));
    line.keep();
  }
  const found = finish(line, maxBytes);
  if (found !== undefined) yield found;
}

function finish(line: Gathered, maxBytes: number): Found | undefined {
  if (line.isTooLong) {
    const found = tooLong(line.length, maxBytes);
    line.drop();
    return found;
  }
  let bytes = line.take();
  if (bytes.at(-1) === RETURN) bytes = bytes.subarray(0, -1);
  return bytes.some((byte) => byte > SPACE) ? { body: bytes, own: bytes } : undefined;
}
