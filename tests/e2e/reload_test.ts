/** `POST /admin/reload`. */

import assert from "node:assert/strict";
import { py, test } from "./support/sandbox.ts";
import { problemOf } from "./support/server.ts";

const answering = (text: string) =>
  py`
    def load(model_dir): return None
    def deserialize(data, content_type): return data
    def predict(data, model): return b"${text}"
    def serialize(data, accepted): return data, "text/plain"
  `;

test("POST /admin/reload replaces all workers with new code, and keeps them when the code can't load", async (box) => {
  const module = box.module({ "serve.py": answering("old") });
  const server = await box.serve({ module }, { args: ["--port", "0", "--workers", "2"] });
  await server.program.stderr.waitFor(/Worker 2 is ready/);
  const reload = async () => await server.request("/admin/reload", { method: "POST" });
  // Of the same length, and often within the same second: then Python alone would take the old bytecode for that of this file.
  box.write({ [`${module.slice(box.root.length + 1)}/serve.py`]: answering("new") });
  const both = await Promise.all([reload(), reload()]);
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 409]);
  const done = both.find(({ status }) => status === 200)!;
  assert.deepEqual(JSON.parse(done.text).models.map(({ reloaded }: { reloaded: boolean }) => reloaded), [true]);
  for (let i = 0; i < 4; i++) assert.equal((await server.invoke("x")).text, "new");

  box.write({ [`${module.slice(box.root.length + 1)}/serve.py`]: "def load(:\n" });
  const failed = await reload();
  assert.equal(failed.status, 500);
  // An operator may see the location in the script, which the log shows as well.
  assert.match(
    JSON.parse(failed.text).detail,
    /^Reloading failed \(.*SyntaxError.*\); workers that were not replaced stay in service$/,
  );
  assert.equal((await server.invoke("x")).text, "new");

  const foreign = await server.request("/admin/reload", {
    method: "POST",
    headers: { origin: "https://evil.example" },
  });
  assert.equal(problemOf(foreign).status, 403);
  await server.stop();
});
