/** `predict`: one input, many records, what stops a run and how it goes on, and servers over HTTP. */

import assert from "node:assert/strict";
import { sleep, until } from "./support/limits.ts";
import { signal } from "./support/processes.ts";
import type { Finished } from "./support/program.ts";
import { BIN, py, type Sandbox, test } from "./support/sandbox.ts";

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

/** The bytes of a file; -1 if it is not there. */
function sizeOf(box: Sandbox, name: string): number {
  try {
    return Deno.statSync(box.path(name)).size;
  } catch {
    return -1;
  }
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

test("a run that is killed at random goes on to the same bytes", async (box) => {
  const count = 20_000;
  box.write({ "in.jsonl": numbers(count) });
  const words = ["predict", ...model(box), "in.jsonl", "--workers", "2", "--errors", "errors"];
  const whole = await box.run([...words, "-o", "whole"]);
  assert.equal(whole.code, 3, whole.stderr);
  const errors = box.read("errors");
  let before = 0;
  let kills = 0;
  for (let i = 0; i < 5; i++) {
    const program = box.start([...words, "-o", "out"]);
    // Not before it has written more, so that it comes forward each time.
    await until("lines are written", () => sizeOf(box, "out.partial") > before || program.isOver);
    await sleep(Math.random() * 100);
    program.kill("SIGKILL");
    const { signal } = await program.exited();
    if (signal !== null) kills++;
    before = sizeOf(box, "out.partial");
  }
  assert.ok(kills > 0);
  const last = await box.run([...words, "-o", "out"]);
  assert.equal(last.code, 3, last.stderr);
  assert.ok(box.read("out") === box.read("whole"), "the bytes are the same");
  assert.equal(box.read("errors"), errors);
  assert.deepEqual(names(box, ".").filter((name) => name.startsWith("out")), ["out"]);
});

test("workers that are killed change nothing about the answers", async (box) => {
  box.write({ "in.jsonl": numbers(20_000) });
  const words = ["predict", ...model(box), "in.jsonl", "-o", "out", "--workers", "2", "--retries", "3"];
  const program = box.start([...words, "--log-level", "info"]);
  for (let i = 0; i < 3; i++) {
    const [, pid] = await program.stderr.waitFor(new RegExp(`Worker ${i % 2 + 1} is ready \\(process (\\d+)\\)`));
    await sleep(20);
    if (!program.isOver) signal(Number(pid), "SIGKILL");
  }
  const { code, stderr } = await program.finished();
  assert.equal(code, 3, stderr);
  const lines = box.read("out").split("\n").slice(0, -1);
  assert.equal(lines.length, 20_000);
  lines.forEach((line, x) => x === 13 || assert.equal(line, `{"y":${x * 2}}`));
});

test("a record that ends its worker each time is an error, and takes no other record with it", async (box) => {
  const lines = numbers(200).split("\n");
  lines[99] = '{"x": 1, "exit": 3}';
  box.write({ "in.jsonl": lines.join("\n") });
  const { code, stderr } = await predict(box, [...model(box), "in.jsonl", "-o", "out", "--workers", "2"]);
  assert.equal(code, 3, stderr);
  const failed = box.read("out").split("\n").slice(0, -1).map((line) => JSON.parse(line).error).filter(Boolean);
  assert.deepEqual(failed.map(({ record, stage, type }) => [record, stage, type]), [
    [14, "predict", "ValueError"],
    [100, "worker", "Lost"],
  ]);
});

test("SIGTERM lets what was sent be written, says how to go on, and ends with 143; so does SIGINT, with 130", async (box) => {
  box.write({ "in.jsonl": Array.from({ length: 1000 }, (_, x) => `{"x": ${x + 100}, "sleep": 0.01}\n`).join("") });
  const words = ["predict", ...model(box), "in.jsonl", "-o", "out"];
  for (const [name, code] of [["SIGTERM", 143], ["SIGINT", 130]] as const) {
    const before = sizeOf(box, "out.partial");
    const program = box.start(words);
    await until("lines are written", () => sizeOf(box, "out.partial") > before);
    program.kill(name);
    const ended = await program.finished();
    assert.equal(ended.code, code, ended.stderr);
    assert.match(ended.stderr, new RegExp(`Stopped by ${name}: run the same command again to go on from there`));
    assert.ok(box.read("out.partial").endsWith("\n"));
  }
  const { code, stderr } = await box.run(words);
  assert.equal(code, 0, stderr);
  const lines = box.read("out").split("\n").slice(0, -1);
  assert.deepEqual(lines, Array.from({ length: 1000 }, (_, x) => `{"y":${(x + 100) * 2}}`));
});

test("SIGTERM ends a run whose standard input never ends", async (box) => {
  const words = model(box);
  await box.run(["pipe"], { command: "mkfifo" });
  // Both ends of the pipe are open, and nothing more comes.
  const script = `exec 3<>pipe; echo '{"x": 1}' >&3; exec "$@" <&3`;
  const program = box.start(["-c", script, "sh", BIN, "predict", ...words, "-", "-o", "out"], { command: "sh" });
  await until("a line is written", () => sizeOf(box, "out.partial") > 0);
  program.kill("SIGTERM");
  const { code, stderr } = await program.finished();
  assert.equal(code, 143, stderr);
  assert.equal(box.read("out.partial"), '{"y":2}\n');
  // Nobody has the other end: to open it would wait.
  const named = await predict(box, [...words, "pipe", "-o", "out"]);
  assert.equal(named.code, 2);
  assert.match(named.stderr, /'pipe' is a named pipe: read it as standard input/);
});
