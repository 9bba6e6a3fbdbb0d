/** Lines of a log that are written together when they come in quick succession. */

/** More text than this is written at once, in UTF-16 code units. */
const MOST = 64 * 1024;

/** Writes text in the order in which it was handed over; {@linkcode gather} may delay it until the event loop's next turn. */
export class GatheredLines {
  readonly #write: (text: string) => void;
  #gathered = "";

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  /** Writes text at once, after the gathered text. */
  write(text: string): void {
    this.flush();
    this.#write(text);
  }

  /** Writes text soon, in one write with what else is gathered until then: a system call for each request would cost too much. */
  gather(text: string): void {
    if (this.#gathered === "") setTimeout(() => this.flush(), 0);
    this.#gathered += text;
    if (this.#gathered.length > MOST) this.flush();
  }

  /** Writes the gathered text. */
  flush(): void {
    if (this.#gathered === "") return;
    const text = this.#gathered;
    this.#gathered = "";
    this.#write(text);
  }
}
