/**
 * Reads JSON (RFC 8259) token by token. Numbers and strings stay ranges of the text: the memory that the reader takes does
 * not depend on the text's length, while the result of `JSON.parse()` can take thirty times the text's size.
 */

/** A token: a scalar, the key of an object's member, or the beginning or end of a list or an object. */
export type Token =
  | "integer"
  | "number"
  | "string"
  | "true"
  | "false"
  | "null"
  | "key"
  | "["
  | "]"
  | "{"
  | "}"
  | "end";

/** The most characters of a number: 17 digits distinguish all 64-bit numbers, and parsing takes quadratic time. */
const MAX_NUMBER = 512;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const ZERO = 0x30;

/** What may come next. */
type Expected = "value" | "value or ]" | "key or }" | "key" | "comma or end";

/** Reads JSON from bytes, one token at a time, without decoding what is skipped. */
export class JsonReader {
  /** Offset at which the search for the next token begins, in bytes. */
  at: number;
  /** Offsets at which the current token begins and ends, in bytes. */
  start = 0;
  stop = 0;
  /** Whether the current string contains escapes. */
  escaped = false;
  readonly #open: ("[" | "{")[] = [];
  #expected: Expected = "value";

  /** @param maxDepth the deepest nesting of lists and objects */
  constructor(readonly bytes: Uint8Array<ArrayBuffer>, start: number, readonly end: number, readonly maxDepth: number) {
    this.at = start;
  }

  /** How many lists and objects enclose the next token. */
  get depth(): number {
    return this.#open.length;
  }

  /**
   * Reads one.
   *
   * @throws {SyntaxError} if the text is not JSON, or is nested too deeply
   */
  next(): Token {
    const token = this.#next();
    this.stop = this.at;
    if (token !== "key") return token;
    if (this.#space() !== COLON) throw this.#unexpected();
    this.at++;
    return token;
  }

  #next(): Token {
    let byte = this.#space();
    if (this.#expected === "comma or end") {
      const open = this.#open[this.#open.length - 1];
      if (open === undefined) {
        if (byte >= 0) throw this.#unexpected();
        return "end";
      }
      if (byte === (open === "[" ? CLOSE_LIST : CLOSE_OBJECT)) return this.#close();
      if (byte !== COMMA) throw this.#unexpected();
      this.at++;
      this.#expected = open === "[" ? "value" : "key";
      byte = this.#space();
    }
    switch (this.#expected) {
      case "value or ]":
        if (byte === CLOSE_LIST) return this.#close();
        return this.#value(byte);
      case "key or }":
        if (byte === CLOSE_OBJECT) return this.#close();
        return this.#key(byte);
      case "key":
        return this.#key(byte);
      default:
        return this.#value(byte);
    }
  }

  /**
   * Skips the next value. It only reads strings and counts brackets: whoever needs the value
   * reads it with a reader of its own.
   *
   * @throws {SyntaxError} if it has no end, or is nested too deep
   */
  skip(): void {
    const depth = this.depth;
    this.#space();
    let level = 0;
    for (; this.at < this.end; this.at++) {
      switch (this.bytes[this.at]) {
        case QUOTE:
          this.#string();
          this.at--;
          break;
        case OPEN_LIST:
        case OPEN_OBJECT:
          if (depth + ++level > this.maxDepth) throw this.#tooDeep();
          break;
        case CLOSE_LIST:
        case CLOSE_OBJECT:
          // This bracket closes the list or object around the value, which was itself neither.
          if (level === 0) return void (this.#expected = "comma or end");
          if (--level === 0) {
            this.at++;
            return void (this.#expected = "comma or end");
          }
          break;
        case COMMA:
          if (level === 0) return void (this.#expected = "comma or end");
      }
    }
    throw this.#unexpected();
  }

  /** The text of the current token, shortened if it is long. */
  shown(): string {
    const text = this.text(this.start, Math.min(this.stop, this.start + 60));
    return this.stop - this.start > 60 ? `${text}…` : text;
  }

  /** Decodes a part of the text; by default, the current token. */
  text(start = this.start, end = this.stop): string {
    if (end - start > 64) return decoder.decode(this.bytes.subarray(start, end));
    let text = "";
    for (let i = start; i < end; i++) {
      const byte = this.bytes[i]!;
      if (byte >= 0x80) return decoder.decode(this.bytes.subarray(start, end));
      text += String.fromCharCode(byte);
    }
    return text;
  }

  /** Decodes the current string or key. */
  string(): string {
    if (this.escaped) return JSON.parse(decoder.decode(this.bytes.subarray(this.start, this.stop)));
    return this.text(this.start + 1, this.stop - 1);
  }

  /** Returns the next byte that is not white space; -1 at the end. */
  #space(): number {
    for (; this.at < this.end; this.at++) {
      const byte = this.bytes[this.at]!;
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte;
    }
    return -1;
  }

  #value(byte: number): Token {
    this.start = this.at;
    switch (byte) {
      case QUOTE:
        this.#string();
        this.#expected = "comma or end";
        return "string";
      case OPEN_LIST:
      case OPEN_OBJECT: {
        const open = byte === OPEN_LIST ? "[" : "{";
        if (this.#open.push(open) > this.maxDepth) throw this.#tooDeep();
        this.at++;
        this.#expected = open === "[" ? "value or ]" : "key or }";
        return open;
      }
      case 0x74:
        return this.#word("true");
      case 0x66:
        return this.#word("false");
      case 0x6e:
        return this.#word("null");
      default:
        this.#expected = "comma or end";
        return this.#number(byte);
    }
  }

  #close(): Token {
    this.start = this.at++;
    this.#expected = "comma or end";
    return this.#open.pop() === "[" ? "]" : "}";
  }

  #key(byte: number): Token {
    if (byte !== QUOTE) throw this.#unexpected();
    this.start = this.at;
    this.#string();
    this.#expected = "value";
    return "key";
  }

  #word(word: "true" | "false" | "null"): Token {
    for (let i = 0; i < word.length; i++) if (this.bytes[this.at + i] !== word.charCodeAt(i)) throw this.#unexpected();
    this.at += word.length;
    if (this.at > this.end) throw this.#unexpected();
    this.#expected = "comma or end";
    return word;
  }

  #string(): void {
    this.escaped = false;
    const { bytes, end } = this;
    let at = this.at + 1;
    for (; at < end; at++) {
      const byte = bytes[at]!;
      if (byte === QUOTE) {
        this.at = at + 1;
        return;
      }
      if (byte < 0x20) break;
      if (byte !== BACKSLASH) continue;
      this.escaped = true;
      const escape = bytes[++at] ?? 0;
      if (escape === 0x75) {
        for (let i = 1; i <= 4; i++) {
          if (!isHex(bytes[at + i] ?? 0)) {
            this.at = at;
            throw this.#unexpected();
          }
        }
        at += 4;
      } else if (!ESCAPES.has(escape)) break;
    }
    this.at = at;
    throw this.#unexpected();
  }

  #number(byte: number): Token {
    const { bytes, end } = this;
    let at = this.at;
    if (byte === 0x2d) at++;
    const first = bytes[at] ?? 0;
    if (at >= end || !isDigit(first)) throw this.#unexpected();
    at++;
    if (first !== ZERO) at = this.#digits(at);
    let token: Token = "integer";
    if (at < end && bytes[at] === 0x2e) {
      token = "number";
      at = this.#someDigits(at + 1);
    }
    if (at < end && (bytes[at] === 0x65 || bytes[at] === 0x45)) {
      token = "number";
      const sign = bytes[at + 1];
      at = this.#someDigits(sign === 0x2b || sign === 0x2d ? at + 2 : at + 1);
    }
    if (at - this.at > MAX_NUMBER) {
      throw new SyntaxError(`the number at byte ${this.at} has more than ${MAX_NUMBER} characters`);
    }
    this.at = at;
    return token;
  }

  #digits(at: number): number {
    const { bytes, end } = this;
    while (at < end && isDigit(bytes[at]!)) at++;
    return at;
  }

  #someDigits(at: number): number {
    const behind = this.#digits(at);
    if (behind > at) return behind;
    this.at = at;
    throw this.#unexpected();
  }

  #unexpected(): SyntaxError {
    const byte = this.at < this.end ? this.bytes[this.at]! : -1;
    const what = byte < 0 ? "the end" : byte > 0x20 && byte < 0x7f ? `'${String.fromCharCode(byte)}'` : `byte ${byte}`;
    return new SyntaxError(`${what} is not expected at byte ${this.at}`);
  }

  #tooDeep(): SyntaxError {
    return new SyntaxError(`it is nested more than ${this.maxDepth} deep at byte ${this.at}`);
  }
}

const ESCAPES: ReadonlySet<number> = new Set(Array.from('"\\/bfnrt', (character) => character.charCodeAt(0)));

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function isHex(byte: number): boolean {
  return isDigit(byte) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}

/** Returns where the text begins: after the byte order mark, if there is one. */
export function textStart(bytes: Uint8Array): number {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
}

/**
 * Checks that bytes are UTF-8, in pieces, so that memory does not depend on their number.
 *
 * @throws {TypeError} if the bytes are not in UTF-8; takes little memory, however many they are
 */
export function checkUtf8(bytes: Uint8Array): void {
  if (bytes.length <= CHECKED_BYTES) {
    strict.decode(bytes);
    return;
  }
  // A decoder that fails in the middle of a stream would continue it with the next text.
  const streaming = new TextDecoder("utf-8", { fatal: true });
  for (let at = 0; at < bytes.length; at += CHECKED_BYTES) {
    streaming.decode(bytes.subarray(at, at + CHECKED_BYTES), { stream: true });
  }
  streaming.decode();
}

/** How many bytes are decoded at a time for the check. */
const CHECKED_BYTES = 64 * 1024;

// These are shared: making a decoder takes longer than decoding a short text. U+FEFF at the beginning of a string belongs to it.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const strict = new TextDecoder("utf-8", { fatal: true });
