import assert from "node:assert/strict";
import { watch } from "../../../src/serve/watch.ts";
import { until } from "../helper/deadline.ts";
import { CapturedLogs } from "../helper/logs.ts";
import { TempDir } from "../helper/temp_dir.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test("watch() calls back once for several changed files, and not for the files of Python, editors and runs", async () => {
  using directory = new TempDir();
  using logs = new CapturedLogs();
  const module = directory.folder("module");
  const model = directory.folder("model");
  let changes = 0;
  {
    directory.write("elsewhere", "x");
    // As beside a log: the record of a run has two names.
    Deno.symlinkSync("run.2026-01-31T12-00-00.000Z.json", `${module}/run.json`);
    Deno.symlinkSync(`${module}/answers.txt`, `${directory.path}/link`);
    const written = () => [`${directory.path}/missing`, `${directory.path}/elsewhere`, `${directory.path}/link`];
    using _ = watch([module, model], written, () => void changes++);
    await pause(100);
    const ignored = [
      "module/__pycache__/serve.cpython-311.pyc",
      "module/.serve.py.swp",
      "module/.git/index",
      "module/serve.py~",
      "module/answers.txt",
      "module/logs.log",
      "model/logs.log.12",
      "module/run.2026-01-31T12-00-00.000Z.json",
    ];
    for (const path of ignored) {
      directory.write(path, "x");
      // Each with its own event: Deno drops them while 16 wait to be read.
      await pause(20);
    }
    await pause(500);
    assert.equal(changes, 0, logs.lines.join("\n"));
    directory.write("module/serve.py", "one");
    directory.write("module/sub/helper.py", "two");
    directory.write("model/weights", "three");
    await until(() => changes > 0, "a change is seen");
    await pause(500);
    assert.equal(changes, 1);
    assert.match(logs.lines[0]!, /^INFO '.*' has changed$/);
    directory.write("model/weights", "four");
    await until(() => changes > 1, "another change is seen");
  }
  directory.write("model/weights", "five");
  await pause(500);
  assert.equal(changes, 2, "nothing after its end");
});

Deno.test("watch() sees a change whose event is dropped after many others", async () => {
  using directory = new TempDir();
  using logs = new CapturedLogs();
  const module = directory.folder("module");
  const files = ["module/serve.py", "module/old.py", "module/sub/helper.py"];
  for (const file of files) directory.write(file, "one");
  let changes = 0;
  using _ = watch([module, directory.folder("model")], () => [], () => void changes++);
  const edits = [
    () => directory.write("module/serve.py", "two"),
    () => directory.write("module/sub/helper.py", "three"),
    () => Deno.renameSync(`${module}/old.py`, `${module}/new.py`),
    () => Deno.removeSync(`${module}/new.py`),
    () => directory.write("module/sub/deeper/new.py", "four"),
  ];
  await pause(100);
  for (const [i, edit] of edits.entries()) {
    for (let file = 0; file < 100; file++) directory.write(`module/.cache/${file}`, `${i}`);
    edit();
    // While this thread is busy, no event is read.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    await until(() => changes > i, "the change is seen");
    assert.match(logs.lines.at(-1)!, /^INFO '.*\/module.*' has changed$/);
  }
  for (let file = 0; file < 100; file++) directory.write(`module/.cache/${file}`, "x");
  await pause(700);
  assert.equal(changes, edits.length, logs.lines.join("\n"));
});
