/** Each request gets its own answer under stress: a short form of `scripts/deno task bench -- stress`. */

import assert from "node:assert/strict";
import { STRESS_MODES, stressMode } from "../../scripts/bench/stress.ts";
import { BIN, PYTHON, test } from "./support/sandbox.ts";

/** The time for each mode, in ms, in which one or two workers are killed, and the server is stopped several times. */
const DURATION = { ms: 1_000, killEvery: 500 };

for (const mode of STRESS_MODES) {
  test(`serve gives each request its own answer, once, while it is stopped and workers are killed (${mode})`, async (box) => {
    const report = await stressMode({ mode, ...DURATION, bin: BIN, python: PYTHON, env: box.env });
    assert.deepEqual(report.faults, []);
    assert.ok(report.kills > 0 && report.stops > 0 && report.answered > 0, JSON.stringify(report));
  });
}
