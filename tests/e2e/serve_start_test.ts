/** Errors that end `aimodellib serve` before it is ready. */

import assert from "node:assert/strict";
import { echo, test } from "./support/sandbox.ts";

for (
  const [what, script, expected] of [
    ["is no Python", "def load(:", /SyntaxError/],
    [
      "raises when it is imported",
      "1 / 0",
      /Traceback[\s\S]*serve\.py", line 1[\s\S]*ZeroDivisionError: division by zero/,
    ],
    [
      "raises in load",
      echo("def load(model_dir):\n  raise OSError('no weights')\n"),
      /Traceback[\s\S]*in load[\s\S]*OSError: no weights[\s\S]*Error: load\(\) raised OSError: no weights\n$/,
    ],
    ["ends the process in load", echo("import os\ndef load(d): os._exit(9)\n"), /exit code 9/],
    ["raises SystemExit in load", echo("def load(d): raise SystemExit(4)\n"), /SystemExit/],
    ["crashes in load", echo("import ctypes\ndef load(d): ctypes.string_at(0)\n"), /Segmentation fault[\s\S]*SIGSEGV/],
    ["has no predict", echo("del predict"), /Error: '.*serve\.py' must define predict\(\); it defines only load, /],
    ["is empty", "", /must define load\(\), deserialize\(\), predict\(\), serialize\(\)/],
    [
      "has a predict that can't be called",
      echo("def predict(): pass"),
      /predict\(\) must be callable as predict\(data, model/,
    ],
  ] as const
) {
  test(`serve exits with 1 and the reason when the script ${what}`, async (box) => {
    const module = box.module({ "serve.py": script });
    const { code, stdout, stderr } = await box.run(["serve", "--port", "0", module, "serve.py", box.root]);
    assert.deepEqual({ code, stdout }, { code: 1, stdout: "" }, stderr);
    assert.match(stderr, expected);
    assert.doesNotMatch(stderr, /restarting/);
    if (!script.includes("ctypes")) assert.doesNotMatch(stderr, /_bridge/);
  });
}

test("serve exits with 2 and one line when the model directory, the module or the script is missing", async (box) => {
  box.module({ "serve.py": echo() }, "m");
  for (
    const [args, expected] of [
      [["m", "serve.py", "nowhere"], /^Error: The model directory 'nowhere' does not exist; train a model [^\n]*\n$/],
      [["n", "serve.py", "m"], /^Error: The module directory 'n' does not exist\n$/],
      [
        ["m", "srve.py", "m"],
        /^Error: The module directory 'm' has no script 'srve.py'; it contains 'serve.py'\n$/,
      ],
      [["m", "serve.py", "m/serve.py"], /^Error: [^\n]*m\/serve\.py[^\n]*\n$/],
    ] as const
  ) {
    const { code, stdout, stderr } = await box.run(["serve", "--port", "0", ...args]);
    assert.deepEqual({ code, stdout }, { code: 2, stdout: "" });
    assert.match(stderr, expected);
  }
});
