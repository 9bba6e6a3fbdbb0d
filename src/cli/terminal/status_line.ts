/** One line on the terminal of standard error that shows how something is going, and is drawn again and again. */

import type { Io } from "./io.ts";

/** A line that is replaced at each drawing, and removed at the end. Nothing is drawn if standard error is not a terminal. */
export class StatusLine implements Disposable {
  readonly #io: Pick<Io, "errorColumns" | "raw">;
  #drawn = false;

  constructor(io: Pick<Io, "errorColumns" | "raw">) {
    this.#io = io;
  }

  /** Whether standard error is a terminal. */
  get isShown(): boolean {
    return this.#io.errorColumns !== undefined;
  }

  /** Shows a text, cut off at the width of the terminal. */
  draw(text: string): void {
    const { errorColumns, raw } = this.#io;
    if (errorColumns === undefined) return;
    raw.stderr(`\r${text.slice(0, errorColumns - 1)}\x1b[K`);
    this.#drawn = true;
  }

  /** Removes the line; other text can be written then. */
  clear(): void {
    if (this.#drawn) this.#io.raw.stderr("\r\x1b[K");
    this.#drawn = false;
  }

  [Symbol.dispose](): void {
    this.clear();
  }
}
