/** Captures log records for tests. */

import { configureSync, type LogRecord, resetSync } from "@logtape/logtape";
import { formatRecord } from "../../../src/observability/logging.ts";

/** Keeps all log records until it is disposed. */
export class CapturedLogs implements Disposable {
  readonly records: LogRecord[] = [];

  constructor() {
    configureSync({
      reset: true,
      sinks: { kept: (record) => void this.records.push(record) },
      loggers: [
        { category: "aimodellib", sinks: ["kept"], lowestLevel: "debug" },
        { category: ["logtape", "meta"], sinks: ["kept"], lowestLevel: "warning" },
      ],
    });
  }

  /** The formatted lines, without their times. */
  get lines(): string[] {
    return this.records.map((record) => formatRecord(record).trimEnd().replace(/^\d{4}-[^ ]+Z /, ""));
  }

  [Symbol.dispose](): void {
    resetSync();
  }
}
