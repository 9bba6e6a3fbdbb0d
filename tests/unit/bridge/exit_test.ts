import assert from "node:assert/strict";
import { describeExit } from "../../../src/bridge/exit.ts";

for (
  const [exit, expected] of [
    [{ code: 0, signal: null }, "exit code 0"],
    [{ code: 3, signal: null }, "exit code 3"],
    [{ code: 137, signal: "SIGKILL" }, "signal SIGKILL (by the system when memory runs out, or by somebody)"],
    [{ code: 137, signal: "SIGKILL", outOfMemory: true }, "signal SIGKILL (likely out of memory)"],
    [{ code: 139, signal: "SIGSEGV" }, "signal SIGSEGV (a crash in native code)"],
    [{ code: 134, signal: "SIGABRT" }, "signal SIGABRT (native code gave up)"],
    [{ code: 143, signal: "SIGTERM" }, "signal SIGTERM"],
  ] as const
) {
  Deno.test(`describeExit() returns '${expected}'`, () => {
    assert.equal(describeExit(exit), expected);
  });
}
