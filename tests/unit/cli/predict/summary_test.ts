import assert from "node:assert/strict";
import { showSummary } from "../../../../src/cli/predict/summary.ts";
import type { Io } from "../../../../src/cli/terminal/io.ts";
import { CapturedLogs } from "../../helper/logs.ts";

Deno.test("showSummary() logs how many records were predicted, also a single one", () => {
  using logs = new CapturedLogs();
  for (const records of [1, 2]) {
    const tally = { records, resumed: 0, skipped: 0, read: 9, failed: 0 };
    const summary = { ...tally, seconds: 0.5, complete: true, output: "/out.jsonl" };
    showSummary(summary, { json: false }, {} as Io, { format: "json" });
  }
  assert.deepEqual(logs.lines, [
    "INFO Predicted 1 record in 0.5 s; 0 failed",
    "INFO Predicted 2 records in 0.5 s; 0 failed",
  ]);
});
