/** `predict`: one input, many records, what stops a run and how it goes on, and servers over HTTP. */

import assert from "node:assert/strict";
import { py, type Sandbox, test } from "./support/sandbox.ts";
import type { Finished } from "./support/program.ts";

/** Doubles `x`, or does what the record says. */
const DOUBLE = py`
  import json, os, time

  def load(model_dir, logger=None):
      return None

  def deserialize(data, content_type="application/octet-stream", logger=None):
      if content_type.startswith("text/csv"):
          return {"x": data.decode()}
      if content_type.startswith("image/"):
          return {"x": len(data)}
      return json.loads(data)

  def predict(data, model, logger=None):
      if data["x"] == 13:
          raise ValueError("unlucky")
      if "exit" in data:
          os._exit(data["exit"])
      if "sleep" in data:
          time.sleep(data["sleep"])
      return {"y": data["x"] * 2}

  def serialize(data, accepted="*/*", logger=None):
      return json.dumps(data, indent=2).encode(), "application/json"
`;

/** Writes the module, and returns the words that name it and its model. */
function model(box: Sandbox, source = DOUBLE): string[] {
  Deno.mkdirSync(box.path("model"), { recursive: true });
  return [box.module({ "serve.py": source }, "module"), "serve.py", "model"];
}

async function predict(box: Sandbox, words: readonly string[], stdin?: string): Promise<Finished> {
  return await box.run(["predict", ...words], stdin === undefined ? {} : { stdin });
}

/** Lines of JSON with `x` from 0 on. */
function numbers(count: number): string {
  return Array.from({ length: count }, (_, x) => `{"x": ${x}}\n`).join("");
}

const names = (box: Sandbox, folder: string) => [...Deno.readDirSync(box.path(folder))].map(({ name }) => name).sort();

test("one input: the answer goes to standard output, and the times of the stages to standard error", async (box) => {
  box.write({ "one.json": '{"x": 4}' });
  const { code, stdout, stderr } = await predict(box, [...model(box), "one.json"]);
  assert.equal(code, 0, stderr);
  assert.equal(stdout, '{\n  "y": 8\n}');
  assert.match(
    stderr,
    /^queue [\d.]+ ms, deserialize [\d.]+ ms, predict [\d.]+ ms, serialize [\d.]+ ms, total [\d.]+ ms; loaded in [\d.]+ s\n$/,
  );
});

test("one input: --output gets the answer, and an answer that fails leaves what was there", async (box) => {
  box.write({ "one.json": '{"x": 4}', "bad.json": '{"x": 13}' });
  const words = model(box);
  assert.equal((await predict(box, [...words, "one.json", "-o", "out"])).code, 0);
  const { code, stdout, stderr } = await predict(box, [...words, "bad.json", "-o", "out"]);
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.match(stderr, /Traceback[\s\S]*Error: predict\(\) raised ValueError: unlucky\n$/);
  assert.equal(box.read("out"), '{\n  "y": 8\n}');
  assert.deepEqual(names(box, ".").filter((name) => name.includes("out")), ["out"]);
});

test("each line is a record, and has one line in the input's order, be it an error", async (box) => {
  const { code, stdout, stderr } = await predict(box, [...model(box), "--workers", "2"], numbers(300) + "no JSON\n");
  assert.equal(code, 3, stderr);
  const lines = stdout.split("\n");
  assert.equal(lines.pop(), "");
  assert.equal(lines.length, 301);
  assert.equal(lines[12], '{"y":24}');
  assert.equal(lines[13], '{"error":{"record":14,"stage":"predict","type":"ValueError","message":"unlucky"}}');
  assert.equal(lines[299], '{"y":598}');
  const { error } = JSON.parse(lines[300]!);
  assert.deepEqual([error.record, error.stage, error.type], [301, "deserialize", "JSONDecodeError"]);
});
