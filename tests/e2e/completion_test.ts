/** Completion in real shells on a terminal, where the test presses Tab. */

import assert from "node:assert/strict";
import { runs } from "./support/needs.ts";
import { PYTHON, ROOT, type Sandbox, test } from "./support/sandbox.ts";

/** The typed text, and the text after Tab. The shells differ in whether they add a slash to a folder. */
const LINES = [
  // Commands, and options instead of a command.
  ["aimodellib ser", "serve"],
  ["aimodellib help doct", "help doctor"],
  ["aimodellib --ver", "--version"],
  // Names and values of options, after a space and after `=`.
  ["aimodellib serve --max-body-", "serve --max-body-memory"],
  ["aimodellib serve --install ne", "serve --install never"],
  ["aimodellib serve --install=ne", "serve --install=never"],
  ["aimodellib cache pr", "cache prune"],
  ["aimodellib completion fi", "completion fish"],
  // Folders and archives, but not a file of another kind beside them.
  ["aimodellib serve flo", "serve flowers"],
  ["aimodellib serve iris.t", "serve iris.tar.gz"],
  ["aimodellib inspect old.t", "inspect old.tgz"],
  ["aimodellib serve my", "serve my module"],
  ["aimodellib package -m flo", "package -m flowers"],
  ["aimodellib package --output=iris.t", "package --output=iris.tar.gz"],
  ["aimodellib unpack iris.tar.gz ou", "unpack iris.tar.gz out"],
  // Scripts, from their module's folder.
  ["aimodellib serve flowers se", "serve flowers serve.py"],
  ["aimodellib train flowers deep/tr", "train flowers deep/train.py"],
  ["aimodellib package -m flowers -t tr", "package -m flowers -t train.py"],
  // The model directory after an archive, and after a module and its script.
  ["aimodellib serve iris.tar.gz ou", "serve iris.tar.gz out"],
  ["aimodellib serve flowers serve.py ou", "serve flowers serve.py out"],
  ["aimodellib predict flowers serve.py out sam", "predict flowers serve.py out sample.json"],
  // Secret and public keys, each where it is needed.
  ["aimodellib sign -s te", "sign -s team.key"],
  ["aimodellib verify --key te", "verify --key team.pub"],
  ["aimodellib serve --token-file tok", "serve --token-file tokens"],
  // The completion of other programs does not change.
  ["cat sam", "sample.json"],
] as const;

for (const shell of ["bash", "zsh", "fish"]) {
  test(
    `Tab in ${shell} completes commands, options, values, files, folders, archives, scripts and keys`,
    async (box) => {
      fill(box);
      const script = await box.run(["completion", shell]);
      assert.equal(script.code, 0, script.stderr);
      box.write({ "completion-script": script.stdout });
      const bin = Deno.env.get("AIMODELLIB_TEST_BIN") ?? `${ROOT}/dist/aimodellib`;
      Deno.mkdirSync(box.path("bin"));
      Deno.symlinkSync(Deno.realPathSync(bin), box.path("bin/aimodellib"));
      const pressed = await box.run(
        [
          `${ROOT}/tests/e2e/support/press_tab.py`,
          shell,
          box.path("completion-script"),
          ...LINES.map(([line]) => line),
        ],
        { command: PYTHON, env: { PATH: `${box.path("bin")}:${Deno.env.get("PATH")}` } },
      );
      assert.equal(pressed.code, 0, pressed.stderr);
      const words: string[][] = JSON.parse(pressed.stdout);
      assert.deepEqual(
        words.map(([, ...others], index) => [LINES[index]![0], others.join(" ").replace(/\/$/, "")]),
        LINES,
      );
    },
    runs(shell, "--version") || `${shell} is not installed`,
  );
}

/** Files of all kinds, some with the same beginning. */
function fill(box: Sandbox): void {
  const files = [
    "flowers/serve.py",
    "flowers/train.py",
    "flowers/deep/train.py",
    "flowers/secret.txt",
    "my module/serve.py",
    "out/model.json",
    "iris.tar.gz",
    "iris.txt",
    "old.tgz",
    "old.txt",
    "team.key",
    "team.pub",
    "team.txt",
    "tokens",
    "sample.json",
  ];
  box.write(Object.fromEntries(files.map((file) => [file, ""])));
}
