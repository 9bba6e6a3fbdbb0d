/** Splits what a script prints into lines of text. */

/** A line longer than this is given on in pieces, so that a script that never ends its line takes no memory. */
const MAX_LINE_BYTES = 64 * 1024;
const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });

/** The request that a line belongs to. */
export interface LineOrigin {
  readonly requestId: string;
  /** Of W3C Trace Context. */
  readonly traceId?: string | undefined;
}

/** What a worker puts in front of such a line, and somewhere in it if it is made of several messages. */
// deno-lint-ignore no-control-regex
const MARK = /\x1e\[([\w.:/+=@-]{1,128})(?: ([0-9a-f]{32}))?\]\x1e/g;
const RECORD_SEPARATOR = 0x1e;

/** Takes bytes as they come; see {@linkcode lineSplitter}. */
export interface LineSplitter {
  (bytes: Uint8Array): void;
  /** Gives on what is left, a line without an end. */
  flush(): void;
}

/**
 * Makes a function that takes bytes and calls `onLine` for each complete line, without its end, and the mark that says which
 * request it belongs to.
 *
 * Nothing is lost: bytes that are not UTF-8, and control characters other than tab and escape (colours), are shown as
 * `\xNN`.
 */
export function lineSplitter(onLine: (line: string, origin?: LineOrigin) => void): LineSplitter {
  let rest: Uint8Array = new Uint8Array(0);
  const give = (line: Uint8Array) => {
    const text = decode(line);
    if (!line.includes(RECORD_SEPARATOR)) return onLine(escape(text));
    const mark = [...text.matchAll(MARK)][0];
    onLine(escape(text.replace(MARK, "")), mark && { requestId: mark[1]!, traceId: mark[2] });
  };
  /** Gives on what is too long for one line, and returns what is left. */
  const shorten = (line: Uint8Array): Uint8Array => {
    while (line.length > MAX_LINE_BYTES) {
      const end = characterStart(line, MAX_LINE_BYTES);
      give(line.subarray(0, end));
      line = line.subarray(end);
    }
    return line;
  };
  const finish = (line: Uint8Array) => {
    const last = shorten(line);
    give(last.at(-1) === CARRIAGE_RETURN ? last.subarray(0, -1) : last);
  };
  const split = (bytes: Uint8Array) => {
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      finish(join(rest, bytes.subarray(start, end)));
      rest = rest.subarray(0, 0);
      start = end + 1;
    }
    if (start < bytes.length) rest = shorten(join(rest, bytes.subarray(start))).slice();
  };
  const flush = () => {
    if (rest.length > 0) finish(rest);
    rest = rest.subarray(0, 0);
  };
  return Object.assign(split, { flush });
}

/** Where the character begins that `index` is in, if it is UTF-8. */
function characterStart(bytes: Uint8Array, index: number): number {
  let start = index;
  while (start > index - 3 && (bytes[start]! & 0xc0) === 0x80) start--;
  return (bytes[start]! & 0xc0) === 0x80 ? index : start;
}

function join(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}

function decode(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    return escapeInvalid(bytes);
  }
}

function escape(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f]/g, hex);
}

/** Decodes what is UTF-8, and writes each byte that is not as `\xNN`. */
function escapeInvalid(bytes: Uint8Array): string {
  let text = "";
  let start = 0;
  while (start < bytes.length) {
    const length = sequenceLength(bytes, start);
    text += length === 0
      ? hex(String.fromCharCode(bytes[start]!))
      : lenient.decode(bytes.subarray(start, start + length));
    start += Math.max(length, 1);
  }
  return text;
}

/** Bytes of the valid UTF-8 sequence at `start`, or 0. */
function sequenceLength(bytes: Uint8Array, start: number): number {
  const first = bytes[start]!;
  const length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length < 2) return length;
  try {
    strict.decode(bytes.subarray(start, start + length));
    return start + length <= bytes.length ? length : 0;
  } catch {
    return 0;
  }
}

function hex(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
}
