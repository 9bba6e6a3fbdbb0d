/** Draws a progress bar on standard error, if that is a terminal. */

import type { Io } from "./io.ts";
import { formatBytes } from "./format.ts";
import { StatusLine } from "./status_line.ts";

/** The shortest time between two drawings, in ms. */
const PAUSE_MS = 100;

const BAR_CELLS = 24;

/** Draws the progress of work that is measured in bytes. */
export class Progress implements Disposable {
  readonly #line: StatusLine;
  readonly #total: number | undefined;
  readonly #started = performance.now();
  #drawnAt = 0;

  /** @param total in bytes; undefined if unknown */
  constructor(io: Io, total: number | undefined, quiet = false) {
    this.#line = new StatusLine(quiet ? { ...io, errorColumns: undefined } : io);
    this.#total = total;
    this.#drawnAt = this.#started;
  }

  /** Updates the number of bytes that are done. */
  update(done: number): void {
    const now = performance.now();
    if (!this.#line.isShown || now - this.#drawnAt < PAUSE_MS) return;
    this.#drawnAt = now;
    this.#line.draw(progressLine(done, this.#total, (now - this.#started) / 1000));
  }

  /** Removes the bar. */
  [Symbol.dispose](): void {
    this.#line.clear();
  }
}

/** The line with bar, bytes done, rate and remaining time. @param seconds the time since the start */
function progressLine(done: number, total: number | undefined, seconds: number): string {
  const rate = done / Math.max(seconds, 0.001);
  const speed = `${formatBytes(rate)}/s`;
  if (total === undefined || total === 0) return `${formatBytes(done)}  ${speed}`;
  const share = Math.min(1, done / total);
  const cells = Math.round(share * BAR_CELLS);
  const left = rate > 0 ? Math.ceil((total - done) / rate) : 0;
  const time = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")} left`;
  const bar = "█".repeat(cells) + "░".repeat(BAR_CELLS - cells);
  return `${bar} ${Math.floor(share * 100)}%  ${formatBytes(done)} of ${formatBytes(total)}  ${speed}  ${time}`;
}
