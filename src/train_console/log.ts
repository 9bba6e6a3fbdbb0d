/** The log of a training as lines: what the script prints, and what this program says. */

import { type LineSplitter, lineSplitter } from "../observability/lines.ts";
import { withoutSequences } from "../observability/plain_text.ts";
import { printable } from "../printable.ts";
import { logTail } from "../recent/log_tail.ts";
import type { Ring } from "../recent/ring.ts";
import { shortened } from "../recent/shorten.ts";
import type { LogLevel, LogLine } from "../web/wire.ts";

/** How a line begins that `logger`, Python's `logging` or this program writes at a level. */
const LEVEL =
  /^(?:[\d:.,TZ /-]{4,32}[ -]+)?(?:\[(DEBUG|INFO|WARNING|ERROR|CRITICAL)\] |(DEBUG|INFO|WARNING|ERROR|CRITICAL)\b|(Warning|Error): )/;

const LEVELS: Readonly<Record<string, LogLevel>> = {
  DEBUG: "debug",
  INFO: "info",
  WARNING: "warning",
  ERROR: "error",
  CRITICAL: "fatal",
  Warning: "warning",
  Error: "error",
};

/** Gathers the last lines of the log. */
export class TrainLog {
  /** The lines. */
  readonly lines: Ring<LogLine> = logTail();
  /** Takes the text, in pieces of any size. */
  readonly take: LineSplitter;

  /** @param onLine is told of each line */
  constructor(onLine: () => void) {
    const clean = (text: string) => printable(withoutSequences(text));
    this.take = lineSplitter(
      (text) => {
        this.lines.add(lineOf(text));
        onLine();
      },
      undefined,
      clean,
    );
  }
}

function lineOf(text: string): LogLine {
  const [, ...found] = LEVEL.exec(text) ?? [];
  const level = LEVELS[found.find((name) => name !== undefined) ?? "INFO"]!;
  return { t: Date.now(), level, logger: "train", text: shortened(text) };
}
