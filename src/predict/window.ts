/** Items between the one who makes them and the one who takes them, in order. */

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

  /** Says that no more items come. */
  close(): void {
    this.#closed = true;
    this.#signal();
  }

  /** Whether an item is there. */
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
    // Moved seldom enough that each item is moved once at most.
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
