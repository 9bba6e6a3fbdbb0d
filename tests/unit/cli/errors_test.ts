import assert from "node:assert/strict";
import { ExitCode, explain } from "../../../src/cli/errors.ts";
import { AimodellibError, ProtocolError, ScriptError, UsageError } from "../../../src/errors.ts";

/** Deno's error for a read-only file system. */
function readOnly(): Error {
  return Object.assign(new Error("Read-only file system (os error 30): mkdir '/x'"), { code: "EROFS" });
}

for (
  const [what, error, code] of [
    ["a UsageError", new UsageError("Two ports are given"), ExitCode.Usage],
    ["a ScriptError", new ScriptError("It lacks train()"), ExitCode.Failure],
    ["a ProtocolError", new ProtocolError("No frame"), ExitCode.Failure],
    ["another AimodellibError", new AimodellibError("message"), ExitCode.Failure],
    ["an error of the system for which Deno has no class", readOnly(), ExitCode.Failure],
    ["an error of the system", new Deno.errors.PermissionDenied("Can't write '/x'"), ExitCode.Failure],
  ] as const
) {
  Deno.test(`explain() shows ${what} without a stack, with exit code ${code}`, () => {
    assert.deepEqual(explain(error), { message: `Error: ${error.message}`, code });
  });
}

Deno.test("explain() shows the stack of an unexpected error", () => {
  const { message, code } = explain(new TypeError("x is undefined"));
  assert.equal(code, ExitCode.Failure);
  assert.match(message, /^Error: TypeError: x is undefined\n +at .*errors_test\.ts/);
});

Deno.test("explain() shows the message of an error without a stack, or the thrown value", () => {
  const error = new RangeError("too much");
  delete error.stack;
  assert.equal(explain(error).message, "Error: too much");
  assert.deepEqual(explain("a string"), { message: "Error: a string", code: 1 });
  assert.deepEqual(explain(undefined), { message: "Error: undefined", code: 1 });
});
