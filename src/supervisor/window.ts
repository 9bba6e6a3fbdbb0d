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

/** How much of a new measurement goes into the running mean; the last ten or so decide. */
const WEIGHT = 0.1;

/** The window of one worker; it follows the service time that the worker shows. */
export class Window {
  #meanMs = WORK_AHEAD_MS;

  /** Requests that may be in flight, from 1 (slow model) to 64 (fast one). */
  get size(): number {
    return Math.max(1, Math.min(MAX_WINDOW, Math.floor(WORK_AHEAD_MS / this.#meanMs)));
  }

  /**
   * Says that `count` answers came, `elapsedMs` after the worker began with the first of them. The way through the
   * socket is part of that time, and weighs less the more requests share it, so the window of a fast model grows.
   */
  observe(count: number, elapsedMs: number): void {
    // Never below the clock's resolution.
    const each = Math.max(elapsedMs / count, 0.001);
    // A slow answer counts at once, fast ones little by little: too small a window costs less than too large a one.
    this.#meanMs = each > this.#meanMs * 4 ? each : this.#meanMs + WEIGHT * (each - this.#meanMs);
  }
}
