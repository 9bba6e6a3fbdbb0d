import assert from "node:assert/strict";
import { outcome, servingScript, type Trained } from "../../../../src/cli/train/outcome.ts";
import { TempDir } from "../../helper/temp_dir.ts";

/** A training of a module that has just ended. */
function trained(modelDir: string, changes: Partial<Trained> = {}): Trained {
  const serves = { script: "serve.py" };
  return { startedAt: Date.now(), ms: 1234, target: "iris", modelDir, serves, ...changes };
}

Deno.test("outcome() shows the written files, their size, the duration, and the next command", () => {
  using directory = new TempDir();
  directory.write("model.pkl", "x".repeat(2048));
  directory.write("deep/notes.txt", "x".repeat(10));
  directory.write("run.json", "{}");
  directory.write("old.pkl", "old");
  Deno.utimeSync(`${directory.path}/old.pkl`, 1, 1);
  assert.equal(
    outcome(trained(directory.path)),
    `Trained in 1.2 s; ${directory.path} has 2 files (2.0 KiB): deep/notes.txt, model.pkl\n` +
      `Next: aimodellib serve iris serve.py ${directory.path}\n`,
  );
});

Deno.test("outcome() names three of many files, and does not count beyond a thousand", () => {
  using directory = new TempDir();
  for (const name of "abcde") directory.write(name, "x");
  assert.match(outcome(trained(directory.path)), / has 5 files \(5 B\): a, b, c, …\n/);
  for (let file = 0; file < 1_000; file++) directory.write(`more/${file}`, "");
  assert.match(outcome(trained(directory.path)), / has more than 1000 files\n/);
});

for (
  const [ms, text] of [[59_900, "59.9 s"], [125_000, "2 min 5 s"], [3_725_000, "1 h 2 min 5 s"]] as const
) {
  Deno.test(`outcome() formats ${ms} ms as ${text}`, () => {
    using directory = new TempDir();
    assert.equal(
      outcome(trained(directory.path, { ms, serves: undefined })),
      `Trained in ${text}; ${directory.path} has nothing new\n`,
    );
  });
}

Deno.test("outcome() names an archive instead of a module and its script", () => {
  using directory = new TempDir();
  const text = outcome(trained(directory.path, { target: "my model.tar.gz", serves: "archive" }));
  assert.ok(text.endsWith(`Next: aimodellib serve 'my model.tar.gz' ${directory.path}\n`), text);
});

Deno.test("servingScript() returns serve.py if the module contains it", () => {
  using directory = new TempDir();
  assert.equal(servingScript(directory.path), undefined);
  directory.write("serve.py");
  assert.deepEqual(servingScript(directory.path), { script: "serve.py" });
});
