/**
 * How many requests are sent to a worker before it has answered the first of them.
 *
 * One at a time would leave a fast model waiting for the socket between any two requests; many at a time would make a
 * request wait behind a slow one although another worker is free. So the window holds about a millisecond of work.
 */

/** Work that a worker is given ahead, in ms. */
const WORK_AHEAD_MS = 1;

/** The most requests ahead: enough that the socket's round trip no longer matters. */
const MAX_WINDOW = 64;

/**
 * Batches of answers whose times are remembered. Their median decides, so that a pause of the machine, or one slow request
 * among fast ones, does not close the window, and a model that has become slow does so after half as many.
 */
const REMEMBERED = 15;

/** The window of one worker; it follows the service time that the worker shows. */
export class Window {
  readonly #times: number[] = [];
  #next = 0;
  #size = 1;
  readonly #fixed: number | undefined;

  /** @param fixed for a worker that takes so many at once, or together */
  constructor(fixed?: number) {
    this.#fixed = fixed;
  }

  /** Requests that may be in flight, from 1 (slow model) to 64 (fast one). */
  get size(): number {
    return this.#fixed ?? this.#size;
  }

  /**
   * Says that `count` answers came, `elapsedMs` after the worker began with the first of them. The way through the
   * socket is part of that time, and weighs less the more requests share it, so the window of a fast model grows.
   */
  observe(count: number, elapsedMs: number): void {
    if (this.#fixed !== undefined) return;
    this.#times[this.#next] = elapsedMs / count;
    this.#next = (this.#next + 1) % REMEMBERED;
    const sorted = this.#times.toSorted((a, b) => a - b);
    const median = sorted[sorted.length >> 1]!;
    this.#size = Math.max(1, Math.min(MAX_WINDOW, Math.floor(WORK_AHEAD_MS / median)));
  }
}
