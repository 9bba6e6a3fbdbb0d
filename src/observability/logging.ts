/** Logging set-up: our own messages and the lines of scripts, as text on one stream. */

import { configureSync, type LogRecord } from "@logtape/logtape";

/** Sends all log records to `write`, as text lines. To be called once, by a command that logs. */
export function configureLogging(write: (text: string) => void): void {
  configureSync({
    reset: true,
    sinks: { text: (record) => write(formatRecord(record)) },
    loggers: [
      { category: "aimodellib", sinks: ["text"], lowestLevel: "info" },
      { category: ["logtape", "meta"], sinks: ["text"], lowestLevel: "warning" },
    ],
  });
}

/** `2026-01-31T12:00:00.000Z INFO message`; a script's line as `[worker 1] line`. */
export function formatRecord(record: LogRecord): string {
  if (record.category[1] === "worker") {
    return `[worker ${record.properties["worker"]}] ${record.properties["line"]}\n`;
  }
  const message = record.message.map((part, i) => i % 2 === 0 ? part : String(part)).join("");
  return `${new Date(record.timestamp).toISOString()} ${record.level.toUpperCase()} ${message}\n`;
}
