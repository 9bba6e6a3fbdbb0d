/** The last lines of the log, as the log shows them. */

import type { LogRecord } from "@logtape/logtape";
import { hideCredentials } from "../credentials.ts";
import { messageOf } from "../observability/logging.ts";
import { withoutSequences } from "../observability/plain_text.ts";
import type { LogLine } from "../web/wire.ts";
import { Ring } from "./ring.ts";
import { MAX_TEXT, shortened } from "./shorten.ts";

/** How many lines are kept. */
const LINES = 2_000;

/** The longest text of all lines together, in characters. */
const MAX_ALL = 512 * MAX_TEXT;

/** Roughly what a line takes beside its text, in characters. */
const OVERHEAD = 200;

/** Makes the ring of lines; {@linkcode lineOf} makes a line. */
export function logTail(): Ring<LogLine> {
  return new Ring<LogLine>(LINES, MAX_ALL, ({ text, traceback = "" }) => text.length + traceback.length + OVERHEAD);
}

/** Makes a line of a log record. Secrets are hidden as in the log, and long texts are shortened. */
export function lineOf(record: LogRecord): LogLine {
  const { worker, request_id, line, traceback } = record.properties;
  const logger = String(record.category[1] ?? record.category[0]);
  // What a script prints is not changed, as in the log.
  const text = logger === "worker" ? withoutSequences(String(line)) : hideCredentials(textOf(record));
  return {
    t: record.timestamp,
    level: record.level,
    logger,
    ...(worker !== undefined && { worker: String(worker) }),
    ...(request_id !== undefined && { request: shortened(String(request_id)) }),
    text: shortened(text),
    ...(traceback !== undefined && { traceback: shortened(hideCredentials(String(traceback)), "start") }),
  };
}

function textOf(record: LogRecord): string {
  return record.category[1] === "setup" ? String(record.properties["line"]) : messageOf(record);
}
