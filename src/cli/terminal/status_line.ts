/** Draws a status line on standard error, if that is a terminal. */

import type { Io } from "./io.ts";

/** A line on the terminal that each update replaces, and the end removes. It draws nothing if standard error is not a terminal. */
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
