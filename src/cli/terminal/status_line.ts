/** Draws a status line on standard error, if that is a terminal. */

import type { Io } from "./io.ts";

/**
 * A line on the terminal that each update replaces, and the end removes. It draws nothing if standard error is not a terminal, or one that
 * would show control sequences as text.
 */
export class StatusLine implements Disposable {
  readonly #io: Pick<Io, "errorColumns" | "raw" | "terminalSize">;
  #drawn = false;
  /** Whether the line can be drawn. */
  readonly isShown: boolean;

  constructor(io: Pick<Io, "errorColumns" | "raw" | "env" | "terminalSize">) {
    this.#io = io;
    this.isShown = io.errorColumns !== undefined && io.env("TERM") !== "dumb";
  }

  /** Shows a text, cut off at the width of the terminal. */
  draw(text: string): void {
    const { errorColumns, raw } = this.#io;
    if (errorColumns === undefined || !this.isShown) return;
    // The window may have another size by now, and a line that wraps can't be replaced.
    const columns = this.#io.terminalSize()?.columns ?? errorColumns;
    raw.stderr(`\r${text.slice(0, columns - 1)}\x1b[K`);
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
