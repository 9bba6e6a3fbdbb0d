/**
 * Limits the bytes of records in flight and of answers that wait for their turn to be written. A slow record delays the writing of later
 * answers, but not their computation, until this budget is used up.
 */

/** Bytes that a record takes in addition to its body. */
const OVERHEAD = 1024;

/** How many requests are sent before the first answer shows how long answers are. */
const FIRST = 8;

/** A limit on memory, and on how many requests are sent at once. */
export class Budget {
  readonly #maxBytes: number;
  readonly #atOnce: number;
  #held = 0;
  #sent = 0;
  /** The expected size of an answer: at least that of the longest recent one. */
  #expected: number | undefined;
  #wake: (() => void) | undefined;

  /**
   * @param maxBytes the limit in bytes; a single record may exceed it
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

  /** Waits until a part of the budget is released. */
  changed(): Promise<void> {
    return new Promise((resolve) => this.#wake = resolve);
  }

  /** Reserves the bytes of a record that is sent. */
  send(bytes: number): void {
    this.#sent++;
    this.#held += bytes + OVERHEAD;
  }

  /** Records that an answer has arrived: its bytes replace those of its record. */
  answered(bytes: number, answer: number): void {
    this.#sent--;
    this.#held += answer - bytes;
    this.#expected = Math.max(answer, (this.#expected ?? 0) * 0.99);
    this.#signal();
  }

  /** Releases the bytes of an answer that was written. */
  written(answer: number): void {
    this.#held -= answer + OVERHEAD;
    this.#signal();
  }

  /** Wakes the waiter. */
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
