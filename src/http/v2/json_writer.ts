/** Writes JSON as bytes: lists of any shape, whose elements come one after the other. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const COMMA = 0x2c;

/** The longest range that is copied faster in a loop, in bytes. */
const SHORT = 32;

/** Characters that have an escape of their own; others below 0x20 are written as `\u00NN`. */
const ESCAPES: Readonly<Record<number, string>> = {
  8: "\\b",
  9: "\\t",
  10: "\\n",
  12: "\\f",
  13: "\\r",
  [QUOTE]: '\\"',
  [BACKSLASH]: "\\\\",
};

/** The JSON would exceed the writer's limit. */
export class TooMuchJson extends Error {}

/** Writes JSON as bytes into one growing buffer with a limit. */
export class JsonWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;
  readonly #most: number;

  /**
   * @param expected the estimated length, in bytes
   * @param most the limit in bytes; writing more throws {@linkcode TooMuchJson}
   */
  constructor(expected: number, most: number) {
    this.#bytes = new Uint8Array(Math.min(expected, most));
    this.#most = most;
  }

  /** The length of the JSON written until now, in bytes. */
  get length(): number {
    return this.#length;
  }

  /** Writes a byte. */
  byte(byte: number): void {
    if (this.#length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#length++] = byte;
  }

  /** Writes text. */
  text(text: string): void {
    if (this.#length + 3 * text.length > this.#bytes.length) return this.copy(encoder.encode(text));
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code >= 0x80) {
        this.#length += encoder.encodeInto(text.slice(i), this.#bytes.subarray(this.#length)).written;
        return;
      }
      this.#bytes[this.#length++] = code;
    }
  }

  /** Copies bytes that are JSON already. */
  copy(from: Uint8Array, start = 0, end = from.length): void {
    const count = end - start;
    if (this.#length + count > this.#bytes.length) this.#grow(count);
    if (count > SHORT) this.#bytes.set(from.subarray(start, end), this.#length);
    else for (let i = 0; i < count; i++) this.#bytes[this.#length + i] = from[start + i]!;
    this.#length += count;
  }

  /** Writes a string whose bytes are in UTF-8. */
  string(utf8: Uint8Array): void {
    this.byte(QUOTE);
    for (const byte of utf8) {
      if (byte >= 0x20 && byte !== QUOTE && byte !== BACKSLASH) this.byte(byte);
      else this.text(ESCAPES[byte] ?? `\\u${byte.toString(16).padStart(4, "0")}`);
    }
    this.byte(QUOTE);
  }

  /** Removes everything after the first `length` bytes. */
  cut(length: number): void {
    this.#length = length;
  }

  /** Returns all bytes that were written. */
  finish(): Uint8Array<ArrayBuffer> {
    const { buffer } = this.#bytes;
    return new Uint8Array(buffer.byteLength === this.#length ? buffer : buffer.transfer(this.#length));
  }

  #grow(count: number): void {
    const needed = this.#length + count;
    if (needed > this.#most) throw new TooMuchJson(`More than ${this.#most} bytes`);
    const capacity = Math.min(this.#most, Math.max(needed, 2 * this.#bytes.length, 1024));
    this.#bytes = new Uint8Array(this.#bytes.buffer.transfer(capacity));
  }
}

/** Writes the brackets and commas that make elements nested lists of a shape. With no dimension, the element stands alone. */
export class ListWriter {
  readonly #out: JsonWriter;
  readonly #shape: readonly number[];
  /** The number of elements, or lists, begun in each dimension. */
  readonly #counts: number[];
  #first = true;

  constructor(out: JsonWriter, shape: readonly number[]) {
    this.#out = out;
    this.#shape = shape;
    this.#counts = shape.map(() => 0);
  }

  /** Call this before writing each element. */
  next(): void {
    const dimensions = this.#shape.length;
    if (this.#first) {
      this.#first = false;
      this.#repeat(OPEN, dimensions);
      this.#counts.fill(1);
      return;
    }
    let closed = 0;
    for (let d = dimensions - 1; d > 0 && this.#counts[d] === this.#shape[d]; d--) {
      this.#counts[d] = 1;
      closed++;
    }
    this.#counts[dimensions - 1 - closed]!++;
    this.#repeat(CLOSE, closed);
    this.#out.byte(COMMA);
    this.#repeat(OPEN, closed);
  }

  /** Call this after the last element. Without any element, it writes the empty lists. */
  end(): void {
    if (this.#first && this.#shape.length > 0) this.#empty(0);
    else this.#repeat(CLOSE, this.#shape.length);
  }

  #empty(dimension: number): void {
    this.#out.byte(OPEN);
    for (let i = 0; i < this.#shape[dimension]!; i++) {
      if (i > 0) this.#out.byte(COMMA);
      this.#empty(dimension + 1);
    }
    this.#out.byte(CLOSE);
  }

  #repeat(byte: number, times: number): void {
    for (let i = 0; i < times; i++) this.#out.byte(byte);
  }
}

/** Returns the least length of a tensor of this shape as JSON, in bytes: brackets, commas, and a character for each element. */
export function leastBytes(shape: readonly number[]): number {
  let lists = 1;
  let bytes = 0;
  for (const size of shape) {
    // A list's brackets, and the commas in it.
    bytes += lists * (1 + Math.max(size, 1));
    lists *= size;
  }
  return bytes + lists;
}

const encoder = new TextEncoder();
