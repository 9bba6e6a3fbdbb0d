/** Lines of a log that are written together when they come in quick succession. */

/** How long a line may wait, in ms. */
const WAIT_MS = 10;

/** More text than this is written at once, in UTF-16 code units: a pipe has room for twice as much, so the next write need not wait for its reader. */
const MOST = 32 * 1024;

/** Writes text in the order in which it was handed over; {@linkcode gather} may delay it by 10 ms. */
export class GatheredLines {
  readonly #write: (text: string) => void;
  #gathered = "";
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  /** Writes text at once, after the gathered text. */
  write(text: string): void {
    this.flush();
    this.#write(text);
  }

  /** Writes text soon, together with what else is gathered until then: a timer and a system call for each request would cost too much. */
  gather(text: string): void {
    this.#timer ??= setTimeout(this.#onTime, WAIT_MS);
    this.#gathered += text;
    if (this.#gathered.length > MOST) this.flush();
  }

  /** Writes the gathered text. */
  flush(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const text = this.#gathered;
    this.#gathered = "";
    this.#write(text);
  }

  readonly #onTime = (): void => this.flush();
}
