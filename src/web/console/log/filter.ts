/** Chooses lines of the log. */

import type { LogLevel, LogLine } from "../../wire.ts";
import { Store } from "../store.ts";

/** What the visitor wants to see of the log. */
export interface Filter {
  /** The lowest level. */
  readonly level: LogLevel;
  /** The name of a worker; empty for all. */
  readonly worker: string;
  /** A part of the text, or of the id of a request; case-insensitive. */
  readonly text: string;
}

/** The levels, from the lowest to the highest. */
export const LEVELS: readonly LogLevel[] = ["trace", "debug", "info", "warning", "error", "fatal"];

/** The current filter; other panels set it to show the lines of a request. */
export const filter: Store<Filter> = new Store<Filter>({ level: "trace", worker: "", text: "" });

/** Whether a filter lets a line through. */
export function passes(line: LogLine, { level, worker, text }: Filter): boolean {
  if (LEVELS.indexOf(line.level) < LEVELS.indexOf(level)) return false;
  if (worker !== "" && line.worker !== worker) return false;
  if (text === "") return true;
  const sought = text.toLowerCase();
  return [line.text, line.request, line.traceback].some((part) => part?.toLowerCase().includes(sought));
}

/** Writes lines as a text file. */
export function textOf(lines: readonly LogLine[]): string {
  return lines.map(({ t, level, worker, request, text, traceback }) =>
    [
      [
        new Date(t).toISOString(),
        level.toUpperCase(),
        ...(worker === undefined ? [] : [`worker ${worker}`]),
        ...(request === undefined ? [] : [`request ${request}`]),
        text,
      ].join(" "),
      ...(traceback === undefined ? [] : [traceback]),
    ].join("\n") + "\n"
  ).join("");
}
