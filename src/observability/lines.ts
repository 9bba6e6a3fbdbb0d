/** Splits what a script prints into lines of text. */

import { printableColors } from "../printable.ts";

/** The longest line, in bytes. Longer ones are passed on in pieces: a script that never ends its line must not fill the memory. */
const MAX_LINE_BYTES = 64 * 1024;
const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** The least time between two reported states of a line that is rewritten, such as a progress bar, in ms. */
const STATES_MS = 2_000;

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });

/** The origin of a line, from the mark that the bridge adds to logged lines. */
export interface LineOrigin {
  readonly level: LineLevel;
  /** The request that it belongs to; undefined if there is none. */
  readonly requestId?: string | undefined;
  /** The trace id of W3C Trace Context. */
  readonly traceId?: string | undefined;
}

/** Receives bytes in chunks of any size; see {@linkcode lineSplitter}. */
export interface LineSplitter {
  (bytes: Uint8Array): void;
  /** Passes on the remaining line, which has no end. */
  flush(): void;
}

/** The level of a line, as the script's logger reports it. */
export type LineLevel = "debug" | "info" | "warning" | "error" | "fatal";

/** Levels by their letters in marks; scripts call the last one CRITICAL. */
const LEVELS: Readonly<Record<string, LineLevel>> = { d: "debug", i: "info", w: "warning", e: "error", c: "fatal" };

/** Receives a line without its line break, and its origin. */
type OnLine = (line: string, origin?: LineOrigin) => void;

/** A line, or a state of one. */
interface Line {
  readonly text: string;
  readonly origin?: LineOrigin | undefined;
}

/**
 * Makes a function that takes bytes and calls `onLine` for each complete line.
 *
 * A carriage return ends a state of a line, which the next state replaces: of these, `onLine` gets the first and the last, and the
 * latest now and then. Bytes that are not UTF-8, and control characters other than tab and colours, are shown as `\xNN`.
 *
 * @param secret the beginning of every mark (see `_bridge/request.py`); without it, marks are not recognized
 * @param clean makes text safe to show, instead of the escaping described above
 */
export function lineSplitter(onLine: OnLine, secret?: string, clean = printableColors): LineSplitter {
  const mark = secret === undefined ? undefined : markOf(secret);
  const states = new States(onLine, () => lineOf(rest, mark, clean));
  let rest: Uint8Array = new Uint8Array(0);
  /** Passes on pieces of an overlong line, and returns the rest. */
  const shorten = (line: Uint8Array): Uint8Array => {
    while (line.length > MAX_LINE_BYTES) {
      const end = characterStart(line, MAX_LINE_BYTES);
      const { text, origin } = lineOf(line.subarray(0, end), mark, clean);
      onLine(text, origin);
      line = line.subarray(end);
    }
    return line;
  };
  const split = (bytes: Uint8Array) => {
    let start = 0;
    for (let end = nextEnd(bytes, start); end >= 0; end = nextEnd(bytes, start)) {
      const line = lineOf(shorten(join(rest, bytes.subarray(start, end))), mark, clean);
      rest = rest.subarray(0, 0);
      start = end + 1;
      if (bytes[end] === NEWLINE) states.end(line);
      else states.replace(line);
    }
    if (start < bytes.length) rest = shorten(join(rest, bytes.subarray(start))).slice();
  };
  const flush = () => {
    if (rest.length > 0 || states.any) states.end(lineOf(shorten(rest), mark, clean));
    rest = rest.subarray(0, 0);
  };
  return Object.assign(split, { flush });
}

/** Tracks the states of the current line, such as a progress bar's. */
class States {
  readonly #onLine: OnLine;
  readonly #unfinished: () => Line;
  /** The latest state that was not passed on. */
  #latest: Line | undefined;
  /** The text that was passed on last. */
  #given: string | undefined;
  #givenAt = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param unfinished returns the part of the next state that was written until now */
  constructor(onLine: OnLine, unfinished: () => Line) {
    this.#onLine = onLine;
    this.#unfinished = unfinished;
  }

  /** Whether the line has had a state. */
  get any(): boolean {
    return this.#latest !== undefined || this.#given !== undefined;
  }

  /** Records a state at a carriage return; the text written next replaces it. */
  replace(state: Line): void {
    if (!isBlank(state) && state.text !== this.#given) this.#latest = state;
    const rest = this.#givenAt + STATES_MS - performance.now();
    if (rest <= 0 && this.#latest !== undefined) this.#give(this.#latest);
    else this.#timer ??= unreferenced(setTimeout(() => this.#look(), Math.max(rest, 1)));
  }

  /** Ends the line at a newline. */
  end(line: Line): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    // If the last state is blank, as after a carriage return or after erasing a bar, keep the one before it.
    const last = this.any && isBlank(line) ? this.#latest : line;
    if (last !== undefined && last.text !== this.#given) this.#onLine(last.text, last.origin);
    this.#latest = this.#given = undefined;
  }

  /** Passes on the current state after a pause: it is probably complete. */
  #look(): void {
    this.#timer = undefined;
    const unfinished = this.#unfinished();
    const state = isBlank(unfinished) ? this.#latest : unfinished;
    if (state !== undefined && state.text !== this.#given) this.#give(state);
  }

  #give(state: Line): void {
    clearTimeout(this.#timer);
    this.#timer = this.#latest = undefined;
    this.#given = state.text;
    this.#givenAt = performance.now();
    this.#onLine(state.text, state.origin);
  }
}

/** Matches the mark that a worker puts before each message that its script logs. One line may contain several messages. */
function markOf(secret: string): RegExp {
  return new RegExp(`\\x1e\\[${secret} ([diwec])(?: ([\\w.:/+=@-]{1,128})(?: ([0-9a-f]{32}))?)?\\]\\x1e`, "g");
}

function lineOf(bytes: Uint8Array, mark: RegExp | undefined, clean: (text: string) => string): Line {
  const text = decode(bytes);
  const found = mark === undefined ? undefined : text.matchAll(mark).next().value;
  if (found === undefined) return { text: clean(text) };
  return {
    text: clean(text.replace(mark!, "")),
    origin: { level: LEVELS[found[1]!]!, requestId: found[2], traceId: found[3] },
  };
}

/** Whether the line would look empty. */
function isBlank({ text }: Line): boolean {
  // deno-lint-ignore no-control-regex
  return text.replace(/\x1b\[[\d;:]*m/g, "").trim() === "";
}

/** Makes a timer that does not keep the process alive. */
function unreferenced(timer: ReturnType<typeof setTimeout>): ReturnType<typeof setTimeout> {
  Deno.unrefTimer(Number(timer));
  return timer;
}

/** Returns the offset of the next newline or carriage return; -1 if there is no more. */
function nextEnd(bytes: Uint8Array, start: number): number {
  for (let i = start; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte === NEWLINE || byte === CARRIAGE_RETURN) return i;
  }
  return -1;
}

/** Returns where the UTF-8 character at `index` begins. */
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

/** Decodes valid UTF-8, and writes each invalid byte as `\xNN`. */
function escapeInvalid(bytes: Uint8Array): string {
  let text = "";
  let decoded = 0;
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes, at);
    if (length > 0) at += length;
    else {
      // Calls of the decoder dominate the time here, hence one call for each valid run.
      if (at > decoded) text += lenient.decode(bytes.subarray(decoded, at));
      text += hex(bytes[at]!);
      decoded = ++at;
    }
  }
  return text + lenient.decode(bytes.subarray(decoded));
}

/** The length of the valid UTF-8 sequence at `start` (RFC 3629), or 0. */
function sequenceLength(bytes: Uint8Array, start: number): number {
  const first = bytes[start]!;
  if (first < 0x80) return 1;
  const length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  // The second byte excludes longer forms than needed, surrogates, and what is over U+10FFFF.
  const lowest = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const highest = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  for (let i = 1; i < length; i++) {
    // A missing byte reads as 0, which is outside of every range.
    const byte = bytes[start + i] ?? 0;
    if (byte < (i === 1 ? lowest : 0x80) || byte > (i === 1 ? highest : 0xbf)) return 0;
  }
  return length;
}

function hex(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, "0")}`;
}
