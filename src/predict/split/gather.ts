/** Gathers the bytes of a record from the pieces of an input, up to a limit. */

/** The bytes of one record so far. */
export class Gathered {
  readonly #maxBytes: number;
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  /** @param maxBytes the longest record that is kept; of a longer one, only the length is known */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** How many bytes the record has so far. */
  get length(): number {
    return this.#length;
  }

  /** Whether the record is longer than the limit. */
  get isTooLong(): boolean {
    return this.#length > this.#maxBytes;
  }

  /** Adds bytes at the end, by reference: call {@linkcode keep} or {@linkcode take} before their memory changes. */
  add(part: Uint8Array): void {
    this.#length += part.length;
    if (this.isTooLong) this.#parts.length = 0;
    else if (part.length > 0) this.#parts.push(part);
  }

  /** Copies the bytes that were added by reference, since their memory is about to be reused. */
  keep(): void {
    const last = this.#parts.pop();
    if (last !== undefined) this.#parts.push(last.slice());
  }

  /**
   * Returns the record, and begins the next one.
   *
   * The array is a part of a larger buffer. A large body that fills its whole buffer loses its memory once it was sent, but a record may be
   * sent twice.
   *
   * @param before bytes to put before the record
   */
  take(before: Uint8Array = new Uint8Array(0)): Uint8Array<ArrayBuffer> {
    const length = before.length + this.#length;
    const bytes = new Uint8Array(length + 1);
    bytes.set(before, 0);
    let at = before.length;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    this.drop();
    return bytes.subarray(0, length);
  }

  /** Discards the record, and begins the next one. */
  drop(): void {
    this.#parts.length = 0;
    this.#length = 0;
  }
}
