/** Keeps long computations from holding up everything else: they run in slices, and the event loop gets a turn between them. */

/** How long all slices together may run before the event loop gets a turn, in ms. */
const TURN_MS = 8;

/** Shares the main thread among long computations. */
export class Slices {
  /** How long slices have run since the event loop had a turn, in ms. */
  #spent = 0;
  #scheduled = false;
  readonly #waiting: (() => void)[] = [];

  /**
   * Runs a slice, at once or after the event loop has had a turn. Computations that wait take turns.
   *
   * @param slice takes a few milliseconds at most
   */
  async run<T>(slice: () => Promise<T>): Promise<T> {
    if (this.#spent >= TURN_MS) {
      // The event loop's last turn may have come while a slice ran, and nothing be scheduled.
      this.#schedule();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#schedule();
    const start = performance.now();
    try {
      return await slice();
    } finally {
      this.#spent += performance.now() - start;
    }
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setTimeout(() => {
      this.#scheduled = false;
      this.#spent = 0;
      // Start only one: whether there is time for another is known after it has run.
      this.#waiting.shift()?.();
      if (this.#waiting.length > 0) this.#schedule();
    }, 0);
  }
}
