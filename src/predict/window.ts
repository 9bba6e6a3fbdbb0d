/** A queue between one producer and one consumer. */

/** A queue with one reader, which waits for the next item. */
export class Window<T> {
  #items: (T | undefined)[] = [];
  #first = 0;
  #closed = false;
  #wake: (() => void) | undefined;

  /** Adds an item at the end. */
  push(item: T): void {
    this.#items.push(item);
    this.#signal();
  }

  /** Ends the queue after the items that it holds. */
  close(): void {
    this.#closed = true;
    this.#signal();
  }

  /** Whether an item can be taken at once. */
  get ready(): boolean {
    return this.#first < this.#items.length;
  }

  /** Takes the next item; undefined when there are no more. */
  async next(): Promise<T | undefined> {
    while (!this.ready) {
      if (this.#closed) return undefined;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const item = this.#items[this.#first]!;
    this.#items[this.#first++] = undefined;
    // The array is cut rarely enough that each item is moved at most once.
    if (this.#first > 1024 && this.#first * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
    return item;
  }

  #signal(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
