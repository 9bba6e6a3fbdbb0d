/**
 * Finds out whether a client that sends no more has left, or still waits for its answer: for the kernel, both look the same.
 *
 * An HTTP/1.1 client accepts interim responses at any time before the answer (RFC 9110, section 15.2), and all clients know
 * `100 Continue`. If the client has left, its kernel answers the first write with a reset, and our next write fails.
 */

/** Delay before the first interim response, in ms: most answers are ready sooner. */
const FIRST_MS = 100;

/** Delay before the second one, which is the first that can fail; each later delay is four times as long, up to the maximum. In ms. */
const SECOND_MS = 25;
const MAX_MS = 10_000;

/** Sends interim responses at growing intervals, until it is stopped or a write fails. */
export class Probe {
  readonly #send: () => Promise<void>;
  readonly #onGone: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sending: Promise<void> | undefined;

  /**
   * @param send sends an interim response
   * @param onGone called once, when a write fails
   */
  constructor(send: () => Promise<void>, onGone: () => void) {
    this.#send = send;
    this.#onGone = onGone;
    this.#wait(FIRST_MS, SECOND_MS);
  }

  /** Stops. @returns a promise for the end of the write in progress, whether it succeeds or fails; undefined if there is no such write */
  stop(): Promise<void> | undefined {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    return this.#sending;
  }

  #wait(ms: number, next: number): void {
    const timer = setTimeout(() => {
      this.#sending = this.#send().then(() => {
        this.#sending = undefined;
        if (this.#timer === timer) this.#wait(next, Math.min(4 * next, MAX_MS));
      }, () => {
        this.#sending = undefined;
        this.#onGone();
      });
    }, ms);
    this.#timer = timer;
  }
}
