/** Growing pauses between the restarts of something that keeps failing. */

/** @see {@linkcode Backoff} */
export interface BackoffOptions {
  /** Pause after the first failure, in ms. @default 100 */
  readonly firstMs?: number;
  /** The longest pause, in ms. @default 30_000 */
  readonly maxMs?: number;
  /** After this long without a failure, in ms, the pauses begin anew. @default 60_000 */
  readonly stableMs?: number;
  /** A number from 0 to 1. @default Math.random */
  readonly random?: () => number;
}

/**
 * Exponential pauses with jitter: each is twice the one before, less a random part of up to a quarter, so that
 * many processes that fail together do not come back together.
 */
export class Backoff {
  readonly #options: Required<BackoffOptions>;
  #failures = 0;

  constructor({ firstMs = 100, maxMs = 30_000, stableMs = 60_000, random = Math.random }: BackoffOptions = {}) {
    this.#options = { firstMs, maxMs, stableMs, random };
  }

  /**
   * The pause before the next try, in ms.
   *
   * @param upMs how long the last try had worked, in ms
   */
  next(upMs: number): number {
    const { firstMs, maxMs, stableMs, random } = this.#options;
    if (upMs >= stableMs) this.#failures = 0;
    const pause = Math.min(maxMs, firstMs * 2 ** this.#failures);
    this.#failures++;
    return pause * (1 - random() / 4);
  }
}
