/** `package` writes archives that every system can read, and names refused files. */

import assert from "node:assert/strict";
import { PYTHON, type Sandbox, test } from "./support/sandbox.ts";

const TRAIN = "def train(model_dir): ...\n";

async function refused(box: Sandbox, module: string, ...options: string[]): Promise<string> {
  const { code, stdout, stderr } = await box.run(["package", "-m", module, ...options]);
  assert.deepEqual([code, stdout], [1, ""], stderr);
  assert.throws(() => Deno.statSync(box.path("model.tar.gz")), Deno.errors.NotFound);
  return stderr;
}

test("package refuses names that differ only in case or in Unicode normalization", async (box) => {
  const cases = box.module({ "train.py": TRAIN, "Data.csv": "", "data.csv": "" });
  assert.match(
    await refused(box, cases),
    /^Error: 'model.tar.gz' can't be packed: it contains '.*\/data\.csv' and '.*\/Data\.csv', which collide on case/m,
  );
  const forms = box.module({ "train.py": TRAIN, "caf\u00e9.txt": "", "cafe\u0301.txt": "" });
  assert.match(await refused(box, forms), /caf/);
});

for (
  const [what, make] of [["file", "open(root + b'/donn\\xe9es.csv', 'w').close()"], [
    "folder",
    "os.mkdir(root + b'/donn\\xe9es.csv')",
  ]]
) {
  test(`package refuses a ${what} whose name is not UTF-8`, async (box) => {
    const module = box.module({ "train.py": TRAIN, "a/b.txt": "" });
    const script = `import os, sys\nroot = os.fsencode(sys.argv[1])\n${make}\n`;
    const made = await box.run(["-c", script, `${module}/a`], { command: PYTHON });
    assert.equal(made.code, 0, made.stderr);
    assert.match(
      await refused(box, module),
      /its module '.*' contains 'a\/donn\\xe9es\.csv', a name that is not UTF-8.*rename it/,
    );
  });
}

test("package refuses files that readers would refuse as a decompression bomb, and packs them with --level 0", async (box) => {
  const module = box.module({ "train.py": TRAIN });
  using file = Deno.openSync(`${module}/zeros.bin`, { write: true, create: true });
  file.truncateSync(80 * 2 ** 20);
  assert.match(await refused(box, module), /its files would be \d+ times larger than the archive.*--level 0/);
  assert.equal((await box.run(["package", "-m", module, "--level", "0"])).code, 0);
  assert.equal((await box.run(["verify", "model.tar.gz"])).code, 0);
});

test("package excludes a .git file and unfinished files, and reports logs of earlier runs", async (box) => {
  const module = box.module({
    "train.py": TRAIN,
    ".git": "gitdir: /somewhere\n",
    ".model.tar.gz.0123abcd.tmp": "",
    "logs/2026-01-01T00-00-00.log": "",
    "tb_logs/events.out.tfevents.1": "",
    "data/.keep": "",
  });
  const { code, stderr } = await box.run(["package", "-m", module]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /'logs' contains logs of earlier runs.*\.aimodellibignore/);
  assert.match(stderr, /'tb_logs' contains TensorBoard logs of earlier runs/);
  const { stdout } = await box.run(["inspect", "--json", "model.tar.gz"]);
  assert.doesNotMatch(stdout, /"[^"]*\/\.git"|\.tmp"/);
  assert.match(stdout, /\.keep/);
});

test("train and serve apply the options for an archive's limits", async (box) => {
  const module = box.module({ "train.py": TRAIN, "more.txt": "x".repeat(5000) });
  await box.run(["package", "-m", module]);
  for (const [option, value] of [["--max-size", "1k"], ["--max-entries", "2"]] as const) {
    const { code, stderr } = await box.run(["train", option, value, "model.tar.gz", "model"]);
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(option));
  }
  assert.equal((await box.run(["train", "--max-size", "1M", "model.tar.gz", "model"])).code, 0);
});

test("errors about a file that is not an archive name its kind", async (box) => {
  box.write({
    "page.tar.gz": "<!doctype html><title>Sign in</title>",
    "lfs.tar.gz": "version https://git-lfs.github.com/spec/v1\n",
  });
  for (const [file, says] of [["page", /a web page/], ["lfs", /a pointer of Git LFS/]] as const) {
    for (const command of [["verify"], ["train"]]) {
      const { code, stderr } = await box.run([
        ...command,
        `${file}.tar.gz`,
        ...(command[0] === "train" ? ["model"] : []),
      ]);
      assert.equal(code, 1);
      assert.match(stderr, says);
    }
  }
});

test("verify reports a manifest without any script, and suggests the intended key", async (box) => {
  const folder = box.module({
    "train.py": TRAIN,
    "manifest.json": `{"training_script": "train.py", "serveScript": "x.py"}`,
  });
  await box.run(["-C", folder, "-czf", box.path("model.tar.gz"), "."], { command: "tar" });
  const { code, stderr } = await box.run(["verify", "model.tar.gz"]);
  assert.equal(code, 0, stderr);
  assert.match(
    stderr,
    /^'model.tar.gz' has the unknown key 'training_script' in its manifest.json; did you mean 'trainingScript'\?$/m,
  );
  assert.match(stderr, /the unknown key 'serveScript' in its manifest.json; did you mean 'servingScript'\?$/m);
  assert.match(stderr, /'model.tar.gz' can neither train nor serve: both scripts in its manifest.json are null/);
});

test("deeply nested manifests are refused, and a huge width in a log name's format is harmless", async (box) => {
  const deep = `{"trainingScript": "train.py", "x": ${"[".repeat(200_000)}${"]".repeat(200_000)}}`;
  const folder = box.module({ "train.py": TRAIN, "manifest.json": deep });
  await box.run(["-C", folder, "-czf", box.path("model.tar.gz"), "."], { command: "tar" });
  const { code, stderr } = await box.run(["verify", "model.tar.gz"]);
  assert.equal(code, 1);
  assert.match(stderr, /nested more than 64 levels deep/);
  const module = box.module({ "train.py": TRAIN });
  const wide = await box.run(["train", "-l", "%999999999d%999999999Y.log", module, "train.py", "model"]);
  assert.equal(wide.code, 0, wide.stderr);
  assert.match(wide.stderr, /^Warning: The log '.*' can't be written/);
  assert.ok(wide.stderr.length < 5000, `${wide.stderr.length} characters of a warning`);
});
