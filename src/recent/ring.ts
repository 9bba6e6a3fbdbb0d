/** The newest items of a sequence, numbered from 1, for readers that come and go. */

/** Items that a reader had not seen. */
export interface Unseen<T> {
  /** The oldest first. */
  readonly items: readonly T[];
  /** How many items before them have been dropped. */
  readonly skipped: number;
  /** The number of the last of them, from which the reader goes on. */
  readonly last: number;
}

/** Keeps the newest items within limits of their number and their size. */
export class Ring<T> {
  readonly #slots: (T | undefined)[];
  readonly #maxSize: number;
  readonly #sizeOf: (item: T) => number;
  #size = 0;
  #first = 1;
  #last = 0;

  /**
   * @param capacity the most items that are kept
   * @param maxSize the most that their sizes may add up to; the newest item is kept at any size
   */
  constructor(capacity: number, maxSize = Infinity, sizeOf: (item: T) => number = () => 0) {
    this.#slots = new Array(capacity).fill(undefined);
    this.#maxSize = maxSize;
    this.#sizeOf = sizeOf;
  }

  /** The number of the newest item; 0 before the first. */
  get last(): number {
    return this.#last;
  }

  /** The number of items that are kept, and the sum of their sizes. */
  get held(): { readonly count: number; readonly size: number } {
    return { count: this.#last - this.#first + 1, size: this.#size };
  }

  /** Adds an item, and drops the oldest ones that exceed a limit. */
  add(item: T): void {
    if (this.#last - this.#first + 1 === this.#slots.length) this.#drop();
    this.#last++;
    this.#slots[this.#last % this.#slots.length] = item;
    this.#size += this.#sizeOf(item);
    while (this.#size > this.#maxSize && this.#first < this.#last) this.#drop();
  }

  /**
   * Returns items that a reader has not seen, or undefined if it has seen all.
   *
   * @param seen the number of the last item that it has seen; 0 for none
   * @param most how many items to return at most
   */
  after(seen: number, most: number): Unseen<T> | undefined {
    const from = Math.max(seen + 1, this.#first);
    const last = Math.min(this.#last, from + most - 1);
    if (last < from) return undefined;
    const items = Array.from({ length: last - from + 1 }, (_, i) => this.#slots[(from + i) % this.#slots.length]!);
    return { items, skipped: from - seen - 1, last };
  }

  /** The number of the last item that has been dropped: a new reader begins after it. */
  get forgotten(): number {
    return this.#first - 1;
  }

  #drop(): void {
    const slot = this.#first % this.#slots.length;
    this.#size -= this.#sizeOf(this.#slots[slot]!);
    this.#slots[slot] = undefined;
    this.#first++;
  }
}
