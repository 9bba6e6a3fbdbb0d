import assert from "node:assert/strict";
import { watch } from "../../../src/serve/watch.ts";
import { until } from "../helper/deadline.ts";
import { CapturedLogs } from "../helper/logs.ts";
import { TempDir } from "../helper/temp_dir.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test("watch() calls back once for several changed files, and not for the files of Python and editors", async () => {
  using directory = new TempDir();
  using logs = new CapturedLogs();
  const module = directory.folder("module");
  const model = directory.folder("model");
  let changes = 0;
  {
    using _ = watch([module, model], () => void changes++);
    directory.write("module/__pycache__/serve.cpython-311.pyc", "x");
    directory.write("module/.serve.py.swp", "x");
    directory.write("module/.git/index", "x");
    directory.write("module/serve.py~", "x");
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
