/** Growing pauses between the restarts of something that keeps failing. */

/** How long the pauses of a {@linkcode Backoff} are. */
export interface BackoffOptions {
  /** Pause after the first failure, in ms. @default 100 */
  readonly firstMs?: number;
  /** The longest pause, in ms. @default 30_000 */
  readonly maxMs?: number;
  /** After a run of this many times the previous pause, the pauses start over. @default 10 */
  readonly stableFactor?: number;
  /** Returns a random number from 0 to 1, for the jitter. @default Math.random */
  readonly random?: () => number;
}

/**
 * Exponential pauses with jitter: each is twice the previous one, less a random part of up to a quarter, which keeps processes
 * that fail together from restarting together. After a run much longer than the pause, the pauses start over: something that
 * fails only now and then is unavailable for a small part of the time.
 */
export class Backoff {
  readonly #options: Required<BackoffOptions>;
  #failures = 0;
  #lastMs = 0;

  constructor({ firstMs = 100, maxMs = 30_000, stableFactor = 10, random = Math.random }: BackoffOptions = {}) {
    this.#options = { firstMs, maxMs, stableFactor, random };
  }

  /**
   * The pause before the next try, in ms.
   *
   * @param upMs how long the last try worked, in ms
   */
  next(upMs: number): number {
    const { firstMs, maxMs, stableFactor, random } = this.#options;
    if (upMs > 0 && upMs >= stableFactor * this.#lastMs) this.#failures = 0;
    const pause = Math.min(maxMs, firstMs * 2 ** this.#failures);
    this.#failures++;
    this.#lastMs = pause;
    return pause * (1 - random() / 4);
  }
}
