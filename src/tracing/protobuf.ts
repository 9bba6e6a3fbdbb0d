/** Writes messages in the wire format of Protocol Buffers (https://protobuf.dev/programming-guides/encoding/). */

const FIRST_BYTES = 64 * 1024;

/** A longer buffer is not kept for the next message, in bytes. */
const MAX_KEPT = 2 ** 20;

/** Up to this length, a loop copies bytes faster than a call of `set()` does. */
const MAX_LOOP = 64;

/** Times that lie less than this after {@linkcode TimeBase.ms} are written relative to it, in ms: 17 minutes. */
const BASE_MS = 2 ** 20;

/** A time from which others are counted: whole ms since 1970, and the same time in ns as two numbers of 32 bits. */
interface TimeBase {
  readonly ms: number;
  readonly low: number;
  readonly high: number;
}

/** Writes one message after another into the same memory. A tag is the first byte of a field: its number times 8, and its wire type. */
export class ProtobufWriter {
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;
  #base = baseOf(0);
  readonly #encoder = new TextEncoder();

  /** Where the next byte is written. */
  get position(): number {
    return this.#at;
  }

  /** Removes what was written after a position. */
  rewind(position: number): void {
    this.#at = position;
  }

  /** Returns a copy of what was written. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.slice(0, this.#at);
    this.#at = 0;
    if (this.#bytes.length > MAX_KEPT) this.#replace(new Uint8Array(FIRST_BYTES));
    return taken;
  }

  /** Returns a copy of what was written since a position. */
  since(position: number): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(position, this.#at);
  }

  /** Copies what was written since a position, which is as long as `target`. */
  copy(position: number, target: Uint8Array): void {
    for (let i = 0; i < target.length; i++) target[i] = this.#bytes[position + i]!;
  }

  /** Begins a message within the message. @returns where its length belongs, for {@linkcode end} */
  begin(tag: number): number {
    this.#room(2);
    this.#bytes[this.#at++] = tag;
    return this.#at++;
  }

  /** Ends the message that begins after `place`. */
  end(place: number): void {
    const length = this.#at - place - 1;
    if (length < 128) {
      this.#bytes[place] = length;
      return;
    }
    const more = sizeOf(length) - 1;
    this.#room(more);
    this.#bytes.copyWithin(place + 1 + more, place + 1, this.#at);
    const end = this.#at + more;
    this.#at = place;
    this.#varint(length);
    this.#at = end;
  }

  /** Writes bytes that are a field, or several. */
  fields(bytes: Uint8Array): void {
    const { length } = bytes;
    this.#room(length);
    if (length > MAX_LOOP) this.#bytes.set(bytes, this.#at);
    else for (let i = 0; i < length; i++) this.#bytes[this.#at + i] = bytes[i]!;
    this.#at += length;
  }

  /** Writes an integer, from 0 to 2^53. */
  integer(tag: number, value: number): void {
    this.#room(10);
    this.#bytes[this.#at++] = tag;
    this.#varint(value);
  }

  /** Writes a number with a fraction. */
  double(tag: number, value: number): void {
    this.#room(9);
    this.#bytes[this.#at++] = tag;
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  /** Writes 32 bits. @param tag the field's number is above 15: two bytes, the first one in the lower half */
  fixed32(tag: number, value: number): void {
    this.#room(6);
    this.#view.setUint16(this.#at, tag, true);
    this.#view.setUint32(this.#at + 2, value, true);
    this.#at += 6;
  }

  /** Writes a time of day in ns, from ms. */
  time(tag: number, ms: number): void {
    this.#room(9);
    if (!(ms >= this.#base.ms && ms < this.#base.ms + BASE_MS)) this.#base = baseOf(ms);
    const { ms: base, low, high } = this.#base;
    // Nanoseconds since 1970 exceed what a number holds exactly; those since the base don't.
    const sum = low + Math.round((ms - base) * 1e6);
    const carry = Math.floor(sum / 2 ** 32);
    this.#bytes[this.#at] = tag;
    this.#view.setUint32(this.#at + 1, sum - carry * 2 ** 32, true);
    this.#view.setUint32(this.#at + 5, high + carry, true);
    this.#at += 9;
  }

  /** Writes 8 random bytes, which are not all 0. */
  random8(tag: number): void {
    this.#room(10);
    this.#bytes[this.#at] = tag;
    this.#bytes[this.#at + 1] = 8;
    this.#view.setUint32(this.#at + 2, Math.random() * 2 ** 32 | 1);
    this.#view.setUint32(this.#at + 6, Math.random() * 2 ** 32);
    this.#at += 10;
  }

  /** Writes the bytes that hexadecimal digits in lower case stand for. */
  hex(tag: number, digits: string): void {
    const length = digits.length >> 1;
    this.#room(length + 2);
    const bytes = this.#bytes;
    let at = this.#at;
    bytes[at++] = tag;
    bytes[at++] = length;
    for (let i = 0; i < digits.length; i += 2) {
      bytes[at++] = nibble(digits.charCodeAt(i)) << 4 | nibble(digits.charCodeAt(i + 1));
    }
    this.#at = at;
  }

  /** Writes a string. */
  text(tag: number, text: string): void {
    // A character takes at most 3 bytes, and the length at most 5.
    this.#room(3 * text.length + 6);
    this.#bytes[this.#at++] = tag;
    const start = this.#at;
    if (text.length < 128 && this.#ascii(text)) return;
    this.#at = start;
    const { written } = this.#encoder.encodeInto(text, this.#bytes.subarray(start + 5));
    this.#varint(written);
    this.#bytes.copyWithin(this.#at, start + 5, start + 5 + written);
    this.#at += written;
  }

  /** Writes a short text, for which this is faster than an encoder. @returns false if a character is not ASCII */
  #ascii(text: string): boolean {
    const bytes = this.#bytes;
    let at = this.#at;
    bytes[at++] = text.length;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) return false;
      bytes[at++] = code;
    }
    this.#at = at;
    return true;
  }

  #varint(value: number): void {
    for (; value > 127; value = Math.floor(value / 128)) this.#bytes[this.#at++] = value % 128 | 128;
    this.#bytes[this.#at++] = value;
  }

  #room(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#bytes.length) return;
    const longer = new Uint8Array(Math.max(2 * this.#bytes.length, needed));
    longer.set(this.#bytes.subarray(0, this.#at));
    this.#replace(longer);
  }

  #replace(bytes: Uint8Array<ArrayBuffer>): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}

function baseOf(ms: number): TimeBase {
  const base = Math.floor(ms / BASE_MS) * BASE_MS;
  const ns = BigInt(base) * 1_000_000n;
  return { ms: base, low: Number(ns & 0xffff_ffffn), high: Number(ns >> 32n) };
}

function nibble(code: number): number {
  return (code & 15) + (code > 64 ? 9 : 0);
}

/** How many bytes a length takes. */
function sizeOf(length: number): number {
  let size = 1;
  for (; length > 127; length = Math.floor(length / 128)) size++;
  return size;
}
