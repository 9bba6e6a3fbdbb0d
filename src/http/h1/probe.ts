/**
 * Finds out whether a client that sends no more has left, or still waits for its answer: the system says the same of both.
 *
 * A client of HTTP/1.1 takes interim responses at any time before the answer (RFC 9110, section 15.2), and `100 Continue` is the one
 * that all clients know. The system of a client that has left answers what is written with a reset, and the next write fails.
 */

/** Before the first, in ms: most answers are there sooner. */
const FIRST_MS = 100;

/** Before the second, which is the first that can fail; then four times as long each time, up to the last. In ms. */
const SECOND_MS = 25;
const MAX_MS = 10_000;

/** Sends interim responses from time to time, until it is stopped or one can't be sent. */
export class Probe {
  readonly #send: () => Promise<void>;
  readonly #onGone: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sending: Promise<void> | undefined;

  /**
   * @param send sends an interim response
   * @param onGone called once if that fails
   */
  constructor(send: () => Promise<void>, onGone: () => void) {
    this.#send = send;
    this.#onGone = onGone;
    this.#wait(FIRST_MS, SECOND_MS);
  }

  /** Sends no more. @returns resolves when the last one has been taken or has failed; undefined if none is on its way */
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
