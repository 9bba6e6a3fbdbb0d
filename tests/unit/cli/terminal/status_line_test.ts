import assert from "node:assert/strict";
import { StatusLine } from "../../../../src/cli/terminal/status_line.ts";
import { FakeIo } from "../../helper/fake_io.ts";

Deno.test("StatusLine cuts its text off at the width that the terminal has at the moment", () => {
  const io = new FakeIo();
  let columns = 30;
  const line = new StatusLine({
    env: io.env,
    raw: io.raw,
    errorColumns: 30,
    terminalSize: () => columns === 0 ? undefined : { columns, rows: 10 },
  });
  for (const width of [30, 10, 40, 0]) {
    columns = width;
    line.draw("x".repeat(50));
  }
  assert.deepEqual(io.err.split("\r").map((text) => text.replace("\x1b[K", "").length), [0, 29, 9, 39, 29]);
});
