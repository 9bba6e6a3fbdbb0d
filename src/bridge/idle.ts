/** A timer that runs only while there is something to give back. */

/** Calls back every second until it has nothing left to do. It does not keep the process alive. */
export class IdleTimer implements Disposable {
  readonly #intervalMs: number;
  readonly #onTick: () => boolean;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param onTick returns whether it has to be called again */
  constructor(intervalMs: number, onTick: () => boolean) {
    this.#intervalMs = intervalMs;
    this.#onTick = onTick;
  }

  /** Starts the timer, unless it runs. */
  start(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#onTick()) this.start();
    }, this.#intervalMs);
    Deno.unrefTimer(this.#timer);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
