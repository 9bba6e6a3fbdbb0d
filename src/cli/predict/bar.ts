/** Shows the progress of a run: a bar on a terminal, and otherwise a log record every 10 seconds. */

import type { Tally } from "../../predict/mod.ts";
import { formatCount } from "../terminal/format.ts";
import type { Io } from "../terminal/io.ts";
import { StatusLine } from "../terminal/status_line.ts";
import { logTally } from "./summary.ts";

/** The intervals of drawings, and of log records, in ms. */
const DRAW_MS = 200;
const LOG_MS = 10_000;

const CELLS = 20;

/** The state of a run that the bar shows. */
export interface BarOptions {
  readonly tally: Tally;
  /** The size of all inputs in bytes; undefined if unknown. */
  readonly total: number | undefined;
  /** How many requests wait for a server that refuses them. */
  readonly refused: () => number;
}

/** Shows the progress of a run from {@linkcode begin} until it is disposed. */
export class Bar implements Disposable {
  readonly #io: Io;
  readonly #line: StatusLine;
  readonly #started = performance.now();
  #options: BarOptions | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(io: Io) {
    this.#io = io;
    this.#line = new StatusLine(io);
  }

  /** Begins to show a run. */
  begin(options: BarOptions): void {
    this.#options = options;
    const { isShown } = this.#line;
    this.#timer = setInterval(() => isShown ? this.#draw() : this.#log(), isShown ? DRAW_MS : LOG_MS);
  }

  /** Writes other text, such as log lines, to standard error, where the bar is. */
  readonly write = (text: string): void => {
    this.#line.clear();
    this.#io.raw.stderr(text);
  };

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#line.clear();
  }

  #draw(): void {
    const { tally, total, refused } = this.#options!;
    const seconds = (performance.now() - this.#started) / 1000;
    this.#line.draw(barLine(tally, total, seconds, refused()));
  }

  #log(): void {
    const { tally, refused } = this.#options!;
    const seconds = Math.round((performance.now() - this.#started) / 100) / 10;
    logTally({ ...tally, seconds, refused: refused() });
  }
}

/** Returns the text of the bar: records, records per second, time left, and failures. @param seconds the time since the start */
export function barLine(tally: Tally, total: number | undefined, seconds: number, refused: number): string {
  const { records, resumed, failed, read } = tally;
  const rate = (records - resumed) / Math.max(seconds, 0.001);
  const texts = [`${formatCount(records)} records`, `${formatCount(rate)}/s`];
  if (total !== undefined && total > 0) {
    const share = Math.min(1, read / total);
    const left = share > 0 ? Math.ceil(seconds / share - seconds) : undefined;
    const cells = Math.round(share * CELLS);
    texts.unshift(`${"█".repeat(cells)}${"░".repeat(CELLS - cells)} ${Math.floor(share * 100)}%`);
    if (left !== undefined) texts.push(`${time(left)} left`);
  }
  if (failed > 0) texts.push(`${formatCount(failed)} failed`);
  if (refused > 0) texts.push(`${formatCount(refused)} wait for the server`);
  return texts.join("  ");
}

/** Formats seconds, such as `0:05`, or `2:03:04` with hours. */
function time(seconds: number): string {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const two = (number: number) => String(number).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}
