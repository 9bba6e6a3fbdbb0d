/**
 * How much is in hand at once: bytes of records that were sent and of answers that wait for their turn to be written. A slow record holds
 * up what is written, but not what is computed, until these bytes are used up.
 */

/** Bytes that a record takes beside its body. */
const OVERHEAD = 1024;

/** How many requests there are before the first answer says how long answers are. */
const FIRST = 8;

/** A limit on memory, and on how many requests are sent at once. */
export class Budget {
  readonly #maxBytes: number;
  readonly #atOnce: number;
  #held = 0;
  #sent = 0;
  /** What an answer is expected to take: at least as long as the longest of late. */
  #expected: number | undefined;
  #wake: (() => void) | undefined;

  /**
   * @param maxBytes that may be in hand; a single record may be longer
   * @param atOnce how many requests may be without an answer
   */
  constructor(maxBytes: number, atOnce: number) {
    this.#maxBytes = maxBytes;
    this.#atOnce = atOnce;
  }

  /** Whether a record of so many bytes has to wait. */
  isFull(bytes: number): boolean {
    const [most, expected] = this.#expected === undefined
      ? [Math.min(FIRST, this.#atOnce), 0]
      : [this.#atOnce, this.#expected * (this.#sent + 1)];
    return this.#sent >= most || (this.#held > 0 && this.#held + bytes + OVERHEAD + expected > this.#maxBytes);
  }

  /** Waits until something was given back. */
  changed(): Promise<void> {
    return new Promise((resolve) => this.#wake = resolve);
  }

  /** Takes the place of a record that is sent. */
  send(bytes: number): void {
    this.#sent++;
    this.#held += bytes + OVERHEAD;
  }

  /** Says that an answer has come; it is held in the place of its record. */
  answered(bytes: number, answer: number): void {
    this.#sent--;
    this.#held += answer - bytes;
    this.#expected = Math.max(answer, (this.#expected ?? 0) * 0.99);
    this.#signal();
  }

  /** Gives back what an answer took: it was written. */
  written(answer: number): void {
    this.#held -= answer + OVERHEAD;
    this.#signal();
  }

  /** Wakes who waits, whatever there is. */
  #signal(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** Ends all waiting. */
  close(): void {
    this.#signal();
  }
}
