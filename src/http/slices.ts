/** Keeps long computations from holding up everything else: they run in slices, and the event loop gets a turn between them. */

/** How long all slices together may run before the event loop gets a turn, in ms. */
const TURN_MS = 8;

/** Computations that share the main thread. */
export class Slices {
  /** How long slices have run since the event loop had a turn, in ms. */
  #spent = 0;
  #scheduled = false;
  readonly #waiting: (() => void)[] = [];

  /**
   * Runs a slice, now or when it is its turn. Slices of different computations that wait take turns.
   *
   * @param slice takes a few milliseconds at most
   */
  async run<T>(slice: () => Promise<T>): Promise<T> {
    if (this.#spent >= TURN_MS) await new Promise<void>((resolve) => this.#waiting.push(resolve));
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
      // One at a time: whether there is time for a second one is known when the first has run.
      this.#waiting.shift()?.();
      if (this.#waiting.length > 0) this.#schedule();
    }, 0);
  }
}
