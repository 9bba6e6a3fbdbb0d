/** Makes the ids of traces and spans. They must be unique, not secret: `Math.random()` is enough, and fast. */

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/**
 * A random trace id, 32 hexadecimal digits.
 *
 * @param place where its last 64 bits are among all numbers of 64 bits, from 0 to less than 1
 */
export function traceIdAt(place: number): string {
  const digits = Math.floor(place * 2 ** 52).toString(16).padStart(13, "0");
  return word() + word() + digits + word().slice(0, 3);
}

/** A random span id: 16 hexadecimal digits, not all of them 0. */
export function randomSpanId(): string {
  return word() + word();
}

/** Makes the `traceparent` of requests that begin a trace which is not sampled: nearly all of them, so they must cost little. */
export class UnsampledTraces {
  /** Random digits, and `ffff` where other programs compare the id with a ratio: they don't sample the trace either. */
  readonly #prefix = `00-${word()}${word()}ffff${word().slice(0, 4)}`;
  readonly #end = `-${randomSpanId()}-00`;
  #beginning = "";
  #count = 0;

  /** Returns the next `traceparent`: a counter's value makes its id unique. */
  next(): string {
    const low = this.#count & 255;
    if (low === 0) {
      const high = (this.#count >>> 8).toString(16).padStart(6, "0");
      // join() gives one piece of memory, which is copied faster than the parts of a concatenation.
      this.#beginning = [this.#prefix, high].join("");
    }
    this.#count = this.#count + 1 >>> 0;
    return this.#beginning + HEX[low]! + this.#end;
  }
}

/** Eight hexadecimal digits, the last of them odd: an id of zeros would be invalid. */
function word(): string {
  const bits = Math.random() * 2 ** 32 | 1;
  return HEX[bits >>> 24]! + HEX[bits >>> 16 & 255] + HEX[bits >>> 8 & 255] + HEX[bits & 255];
}
