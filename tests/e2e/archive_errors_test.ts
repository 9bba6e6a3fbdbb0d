/** Errors about an archive name the archive, whichever command reads or writes it. */

import assert from "node:assert/strict";
import { BIN, type Sandbox, test } from "./support/sandbox.ts";

const TRAIN = "def train(model_dir): ...\n";
const SERVE = "def load(d): ...\ndef deserialize(data, content_type): ...\ndef predict(data, model): ...\n" +
  "def serialize(data, accept): ...\n";

/** All commands that read an archive; `A` stands for the archive. */
const READERS: readonly (readonly string[])[] = [
  ["verify", "A"],
  ["inspect", "A"],
  ["inspect", "--manifest", "A"],
  ["inspect", "--json", "A"],
  ["unpack", "A", "out"],
  ["sign", "-x", "signature", "A"],
  ["dockerfile", "A"],
  ["train", "A", "model"],
  ["serve", "--port", "0", "A", "."],
];

/** Makes `model.tar.gz`, `cut.tar.gz`, and a key. */
async function prepare(box: Sandbox): Promise<void> {
  const module = box.module({ "train.py": TRAIN, "serve.py": SERVE });
  const { code, stderr } = await box.run(["package", "-q", "-m", module]);
  assert.equal(code, 0, stderr);
  Deno.writeFileSync(box.path("cut.tar.gz"), Deno.readFileSync(box.path("model.tar.gz")).subarray(0, 100));
  assert.equal((await box.run(["keygen", "-W"])).code, 0);
}

/** Runs a command with a file as standard input. */
function withInput(box: Sandbox, words: readonly string[], input: string) {
  return box.run(["-c", `exec "$0" "$@" < '${input}'`, BIN, ...words], { command: "sh" });
}

test("every command names the truncated archive that it reads, from a file or standard input", async (box) => {
  await prepare(box);
  for (const words of READERS) {
    const named = await box.run(words.map((word) => word === "A" ? "cut.tar.gz" : word));
    assert.deepEqual(
      [named.code, named.stdout, lastLine(named.stderr)],
      [1, "", "Error: 'cut.tar.gz' is truncated: the gzip stream ends early"],
      words.join(" "),
    );
    // A Dockerfile copies the archive, so it must be a file.
    if (words[0] === "dockerfile") continue;
    const piped = await withInput(box, words.map((word) => word === "A" ? "-" : word), "cut.tar.gz");
    assert.deepEqual(
      [piped.code, piped.stdout, lastLine(piped.stderr)],
      [1, "", "Error: standard input is truncated: the gzip stream ends early"],
      words.join(" "),
    );
  }
});

test("an error of the system names the archive that can't be read, without a stack", async (box) => {
  // Reading from the start of /proc/self/mem fails with an input/output error.
  const memory = await box.run(["verify", "/proc/self/mem"]);
  assert.deepEqual(
    [memory.code, memory.stderr],
    [1, "Error: '/proc/self/mem' can't be read: Input/output error (os error 5)\n"],
  );
  const folder = await withInput(box, ["verify", "-"], ".");
  assert.deepEqual(
    [folder.code, folder.stderr],
    [1, "Error: standard input can't be read: Is a directory (os error 21)\n"],
  );
});

test("verify calls a valid archive from standard input 'standard input'", async (box) => {
  await prepare(box);
  const { code, stdout } = await withInput(box, ["verify", "-"], "model.tar.gz");
  assert.equal(code, 0);
  assert.match(stdout, /^standard input is good: /);
});

test("verify names the archive whose scripts have errors", async (box) => {
  const module = box.module({ "train.py": "def trian(): ...\n" }, "m");
  await box.run(["package", "-q", "--no-check", "-m", module]);
  const { code, stderr } = await box.run(["verify", "model.tar.gz"]);
  assert.equal(code, 1);
  assert.match(stderr, /^Error: 'model.tar.gz' has errors in its scripts: 'm\/train.py' must define train\(\)/);
  assert.match(stderr, /\n\(--no-check skips this check\)\n$/);
});

test("package names the archive that it can't write, and the file that causes the error", async (box) => {
  const module = box.module({ "train.py": TRAIN }, "m");
  Deno.symlinkSync("/etc", `${module}/link`);
  const reason = "can't be packed: its module 'm' contains 'link', a link that leads out, to '/etc': " +
    "replace it by a copy of its target, or list it in .aimodellibignore\n";
  const named = await box.run(["package", "-m", "m", "-o", "x.tar.gz"]);
  assert.deepEqual([named.code, named.stderr], [1, `Error: 'x.tar.gz' ${reason}`]);
  const piped = await box.run(["package", "-m", "m", "-o", "-"]);
  assert.deepEqual([piped.code, piped.stdout, piped.stderr], [1, "", `Error: The archive ${reason}`]);
});

test("package says that standard output can't be written, without a stack", async (box) => {
  box.module({ "train.py": TRAIN }, "m");
  const words = ["-c", `exec "$0" "$@" > /dev/full`, BIN, "package", "-q", "-m", "m", "-o", "-"];
  const { code, stderr } = await box.run(words, { command: "sh" });
  assert.deepEqual(
    [code, stderr],
    [1, "Error: Standard output can't be written: No space left on device (os error 28)\n"],
  );
});

/** Returns the last line: `serve` and `train` may print others before it. */
function lastLine(text: string): string | undefined {
  return text.trimEnd().split("\n").at(-1);
}
