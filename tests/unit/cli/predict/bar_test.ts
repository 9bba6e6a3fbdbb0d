import assert from "node:assert/strict";
import { barLine } from "../../../../src/cli/predict/bar.ts";

const tally = { records: 12_345, resumed: 345, skipped: 0, read: 25, failed: 0 };

Deno.test("barLine() shows records, their rate, and the remaining time", () => {
  assert.equal(barLine(tally, 100, 10, 0), "█████░░░░░░░░░░░░░░░ 25%  12,345 records  1,200/s  0:30 left");
  assert.equal(barLine({ ...tally, read: 1 }, 100, 100, 0).split("  ").at(-1), "2:45:00 left");
});

Deno.test("barLine() shows failed and waiting records, and no remaining time if the total is unknown", () => {
  assert.equal(
    barLine({ ...tally, failed: 1234 }, undefined, 10, 3),
    "12,345 records  1,200/s  1,234 failed  3 wait for the server",
  );
  assert.equal(
    barLine({ ...tally, records: 0, resumed: 0, read: 0 }, 100, 0, 0),
    "░░░░░░░░░░░░░░░░░░░░ 0%  0 records  0/s",
  );
});
