/**
 * Splits a table into its rows (RFC 4180). Each row becomes a table of its own: the header and that row. The text of a row is not changed;
 * its quoted values may contain line breaks.
 */

import { AimodellibError } from "../../errors.ts";
import { Gathered } from "./gather.ts";
import { broken, type Found, tooLong } from "./record.ts";

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const QUOTE = 0x22;
const SPACE = 0x20;

/** The possible delimiters; the header shows which one the table uses. */
const DELIMITERS = [0x2c, 0x3b, 0x09, 0x7c] as const; // , ; tab |

/** The position of the parser in a row. */
const enum At {
  /** At the beginning of a value: a quote here begins a quoted one. */
  Start,
  /** In a value without quotes, where a quote is a character like any other. */
  Plain,
  Quoted,
  /** After a quote in a quoted value: a second quote stands for a quote character, anything else ends the quoting. */
  Quote,
}

/**
 * Yields the rows after the header. Blank lines are left out, but not rows whose values are all empty.
 *
 * @param name what messages call the table
 * @throws {AimodellibError} if the header is too long, or rows do not end with a newline
 */
export async function* splitCsv(
  pieces: AsyncIterable<Uint8Array>,
  maxBytes: number,
  name: string,
): AsyncGenerator<Found> {
  const row = new Gathered(maxBytes);
  let header: Uint8Array | undefined;
  let delimiter: number | undefined;
  let at = At.Start;
  const finish = (): Found | undefined => {
    if (row.isTooLong) {
      const found = tooLong(row.length, maxBytes);
      row.drop();
      if (header === undefined) throw new AimodellibError(`The header of '${name}' has more than ${maxBytes} bytes`);
      return found;
    }
    const own = row.take();
    if (!own.some((byte) => byte > SPACE || byte === delimiter)) return undefined;
    if (header === undefined) {
      if (hasReturn(own)) {
        throw new AimodellibError(
          `The rows of '${name}' end with a carriage return alone, not with a newline: convert it with "tr '\\r' '\\n'"`,
        );
      }
      header = ended(own);
      delimiter = delimiterOf(header);
      return undefined;
    }
    const body = new Uint8Array(header.length + own.length + 1);
    body.set(header);
    body.set(own, header.length);
    return { body: body.subarray(0, -1), own: withoutEnd(own) };
  };
  for await (const piece of pieces) {
    let start = 0;
    for (let i = 0; i < piece.length; i++) {
      const byte = piece[i]!;
      if (at === At.Quoted) {
        if (byte === QUOTE) at = At.Quote;
      } else if (byte === NEWLINE) {
        row.add(piece.subarray(start, i + 1));
        start = i + 1;
        at = At.Start;
        const found = finish();
        if (found !== undefined) yield found;
      } else if (byte === QUOTE) at = at === At.Plain ? At.Plain : At.Quoted;
      else at = byte === delimiter || (delimiter === undefined && isDelimiter(byte)) ? At.Start : At.Plain;
    }
    row.add(piece.subarray(start));
    row.keep();
  }
  if (at === At.Quoted) {
    yield broken("The row has an unterminated quoted value: the input ends before the closing quote");
    return;
  }
  const found = finish();
  if (found !== undefined) yield found;
}

function isDelimiter(byte: number): boolean {
  return (DELIMITERS as readonly number[]).includes(byte);
}

/** The delimiter that is most frequent in the header, outside of quotes. */
function delimiterOf(header: Uint8Array): number {
  const counts = DELIMITERS.map(() => 0);
  let quoted = false;
  for (const byte of header) {
    if (byte === QUOTE) quoted = !quoted;
    const index = (DELIMITERS as readonly number[]).indexOf(byte);
    if (!quoted && index >= 0) counts[index]!++;
  }
  return DELIMITERS[counts.indexOf(Math.max(...counts))]!;
}

/** Whether a carriage return is between the values of a header, outside of quotes: then the header has swallowed rows. */
function hasReturn(header: Uint8Array): boolean {
  const end = header.findLastIndex((byte) => byte > SPACE);
  let quoted = false;
  return header.subarray(0, end).some((byte) => {
    if (byte === QUOTE) quoted = !quoted;
    return byte === RETURN && !quoted;
  });
}

/** Returns the header with a line end, which the only line of a table may lack. */
function ended(header: Uint8Array<ArrayBuffer>): Uint8Array {
  if (header.at(-1) === NEWLINE) return header;
  const whole = new Uint8Array(header.length + 1);
  whole.set(header);
  whole[header.length] = NEWLINE;
  return whole;
}

function withoutEnd(row: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  let end = row.length;
  if (row[end - 1] === NEWLINE) end--;
  if (row[end - 1] === RETURN) end--;
  return row.subarray(0, end);
}
