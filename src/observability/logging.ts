/** Logging set-up: our own messages and the lines of scripts, as text or as lines of JSON, on one stream. */

import { compareLogLevel, configureSync, type LogLevel, type LogRecord } from "@logtape/logtape";
import { hideCredentials } from "../credentials.ts";

import { AccessLines, type AccessRecord } from "./access_lines.ts";
import { GatheredLines } from "./gathered_lines.ts";
import { printable, printableJson, printableLines, resetColors } from "../printable.ts";

/** How a record is written. */
export type LogFormat = "text" | "json";

/** Options of the log: its format and its level. */
export interface LoggingOptions {
  /** @default text */
  readonly format?: LogFormat;
  /** The lowest level that is logged; lines of scripts are logged at any level. @default info */
  readonly level?: LogLevel;
  /** Loggers whose records are dropped, such as `supervisor`. @default none */
  readonly silent?: readonly string[];
}

/** Loggers for output of other programs: of scripts, and of programs such as an installer that run before a model is available. */
const LINES = ["worker", "setup"];

/** The destination of all records, set by {@linkcode configureLogging}. */
let lines = new GatheredLines(() => {});
let accessLines: AccessLines | undefined;

/** Receives each record that is logged, beside the log; undefined if nobody does. */
let tap: ((record: LogRecord) => void) | undefined;

/** Calls back with each record that is logged, until disposed. Requests in the access log are not among them. */
export function tapLog(onRecord: (record: LogRecord) => void): Disposable {
  tap = onRecord;
  return { [Symbol.dispose]: () => tap = undefined };
}

/** Sends all log records to `write`, as lines. A command that logs calls this once, and {@linkcode flushLog} at its end. */
export function configureLogging(write: (text: string) => void, options: LoggingOptions = {}): void {
  const { format = "text", level = "info", silent = [] } = options;
  lines = new GatheredLines(write);
  accessLines = compareLogLevel("info", level) < 0 ? undefined : new AccessLines(format);
  const formatted = format === "json" ? formatJson : formatRecord;
  // Credentials are not hidden in the output of scripts.
  const formatLine = (record: LogRecord) =>
    record.category[1] === "worker" ? formatted(record) : hideCredentials(formatted(record));
  configureSync({
    reset: true,
    sinks: {
      lines: (record) => {
        lines.write(formatLine(record));
        tap?.(record);
      },
    },
    loggers: [
      { category: "aimodellib", sinks: ["lines"], lowestLevel: level },
      ...LINES.map((name) => ({
        category: ["aimodellib", name],
        sinks: ["lines" as const],
        parentSinks: "override" as const,
        lowestLevel: "debug" as const,
      })),
      ...silent.map((name) => ({ category: ["aimodellib", name], sinks: [], parentSinks: "override" as const })),
      { category: ["logtape", "meta"], sinks: ["lines"], lowestLevel: "warning" },
    ],
  });
}

/**
 * Formats a record as text: `2026-01-31T12:00:00.000Z INFO message`, followed by the indented lines of a traceback. A script's line becomes
 * `[worker 1] line`, or `[worker 1, request ID] line`; an installer's line is not changed. No value in a message can control the terminal, or
 * imitate another record.
 */
export function formatRecord(record: LogRecord): string {
  const { worker, request_id, line, traceback } = record.properties;
  if (record.category[1] === "worker") {
    return `[worker ${worker}${request_id === undefined ? "" : `, request ${request_id}`}] ${
      resetColors(String(line))
    }\n`;
  }
  if (record.category[1] === "setup") return `${printable(String(line))}\n`;
  const head = `${new Date(record.timestamp).toISOString()} ${record.level.toUpperCase()}`;
  return `${head} ${indented(messageOf(record))}\n${
    traceback === undefined ? "" : `  ${indented(String(traceback))}\n`
  }`;
}

/** Indents all lines after the first, which shows that they belong to it. */
function indented(text: string): string {
  return printableLines(text).replaceAll("\n", "\n  ");
}

/**
 * Formats a record as JSON: `{"time":"2026-01-31T12:00:00.000Z","level":"info","logger":"serve","message":"…"}`, followed by the values in the
 * message as fields. For a script's line, `message` is the line, and `worker` and `request_id` are fields.
 */
export function formatJson(record: LogRecord): string {
  const { line, ...rest } = record.properties;
  const isLine = LINES.includes(String(record.category[1]));
  const text = JSON.stringify({
    time: new Date(record.timestamp).toISOString(),
    level: record.level,
    logger: record.category[1] ?? record.category[0],
    message: isLine ? String(line) : messageOf(record),
    ...(isLine ? rest : record.properties),
  });
  return `${printableJson(text)}\n`;
}

/** The message of a record, with its values. */
export function messageOf({ message }: LogRecord): string {
  return message.map((part, i) => i % 2 === 0 ? part : String(part)).join("");
}

/**
 * Logs a request as a record of the logger `access`.
 *
 * It does not go through LogTape, which takes 14 µs of CPU time for a record, as much as most of a small request.
 */
export function logAccess(record: AccessRecord): void {
  if (accessLines !== undefined) lines.gather(accessLines.format(record, Date.now()));
}

/** Writes what {@linkcode logAccess} has gathered. */
export function flushLog(): void {
  lines.flush();
}
