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
    Deno.symlinkSync(`${module}/answers.txt`, `${directory.path}/link`);
    const written = () => [`${directory.path}/missing`, `${directory.path}/elsewhere`, `${directory.path}/link`];
    using _ = watch([module, model], written, () => void changes++);
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
      // Deno drops events while 16 of them wait to be read.
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
