/** The examples work as their README describes, with real packages. */

import assert from "node:assert/strict";
import { imports } from "./support/needs.ts";
import { ROOT, type Sandbox, test } from "./support/sandbox.ts";
import { Server } from "./support/server.ts";

/** The Python with the packages of `tests/requirements.txt`. */
const PACKAGES = `${ROOT}/.cache/test-venv/bin/python`;

/**
 * The environment of an example. Libraries calculate in a single thread: with more of them, training such small models takes four times as
 * much processor time, most of it for waiting. Packages do not import what the scripts do not use.
 */
const ENV = {
  AIMODELLIB_PYTHON: PACKAGES,
  OMP_NUM_THREADS: "1",
  PYTHONPATH: `${ROOT}/tests/e2e/support/lean_imports`,
};

/** Trains an example, and returns its output. */
async function train(box: Sandbox, name: string, options: readonly string[] = [], args: readonly string[] = []) {
  const { code, stdout, stderr } = await box.run(
    ["train", ...options, `${ROOT}/examples/${name}`, "train.py", "model", ...args],
    { env: ENV, limit: 300_000 },
  );
  assert.equal(code, 0, stderr);
  return stdout;
}

async function serve(box: Sandbox, name: string): Promise<Server> {
  return await box.serve({ module: `${ROOT}/examples/${name}` }, { env: ENV });
}

/** Returns the answer of an example's server to one of its files. */
async function ask(server: Server, name: string, file: string, type: string) {
  const body = Deno.readFileSync(`${ROOT}/examples/${name}/${file}`);
  const { status, text } = await server.invoke(body, { "content-type": type });
  assert.equal(status, 200, text);
  return JSON.parse(text).outputs;
}

/** Returns the last accuracy in a text, such as 0.97 or 97 %. */
function accuracyIn(text: string): number {
  const match = [...text.matchAll(/accuracy\D*?(\d+(?:\.\d+)?)\s*(%?)/gi)].at(-1);
  assert.ok(match, `No accuracy in\n${text}`);
  return Number(match[1]) / (match[2] === "%" ? 100 : 1);
}

test("examples/digits reads held-out digits, and answers JSON and CSV", async (box) => {
  const accuracy = accuracyIn(await train(box, "digits", [], ["--epochs", "5"]));
  assert.ok(accuracy > 0.95 && accuracy <= 1, String(accuracy));
  const server = await serve(box, "digits");
  const [one] = await ask(server, "digits", "sample.json", "application/json");
  assert.equal(one.digit, 3);
  const [image = []]: number[][] = JSON.parse(Deno.readTextFileSync(`${ROOT}/examples/digits/sample.json`)).inputs;
  const body = Deno.readFileSync(`${ROOT}/examples/digits/sample.csv`);
  const csv = await server.invoke(body, { "content-type": "text/csv", accept: "application/json" });
  assert.deepEqual(JSON.parse(csv.text).outputs.map(({ digit }: { digit: number }) => digit), [7, 0, 4]);

  // A digit at the edge, and a small one in a corner, as someone may draw them.
  const rows = Array.from({ length: 8 }, (_, row) => image.slice(8 * row, 8 * row + 8));
  assert.ok(rows.every((row) => row[0] === 0 && row[7] === 0), "the image has room on both sides");
  const small = rows.filter((_, row) => row % 2 === 0).map((row) => row.filter((_, column) => column % 2 === 0));
  const corner = (top: boolean) => {
    const lines = small.map((row) => top ? [...row, 0, 0, 0, 0] : [0, 0, 0, 0, ...row]);
    const empty = Array.from({ length: 4 }, () => Array(8).fill(0));
    return (top ? [...lines, ...empty] : [...empty, ...lines]).flat();
  };
  const places = [
    rows.flatMap((row) => [...row.slice(1), 0]),
    rows.flatMap((row) => [0, ...row.slice(0, 7)]),
    corner(true),
    corner(false),
  ];
  const moved = await server.invoke(JSON.stringify({ inputs: places }), { "content-type": "application/json" });
  const [left, right, topLeft, bottomRight] = JSON.parse(moved.text).outputs;
  assert.deepEqual([left, right], [one, one]);
  assert.deepEqual(topLeft, bottomRight);
  assert.equal(topLeft.digit, 3);

  // The same images as a tensor of the Open Inference Protocol.
  const { text } = await server.request("/v2/models/digits");
  assert.deepEqual(JSON.parse(text).inputs, [{ name: "images", datatype: "FP32", shape: [-1, 64] }]);
  const infer = async (shape: readonly number[], data: unknown) =>
    await server.request("/v2/models/digits/infer", {
      method: "POST",
      body: JSON.stringify({ inputs: [{ name: "images", datatype: "FP32", shape, data }] }),
    });
  const { outputs } = JSON.parse((await infer([2, 64], [image, image])).text);
  const [digit, probabilities] = outputs;
  assert.deepEqual(digit, { name: "digit", datatype: "INT64", shape: [2], data: [3, 3] });
  assert.deepEqual([probabilities.datatype, probabilities.shape], ["FP64", [2, 10]]);
  assert.match((await infer([1, 63], image.slice(1))).text, /'images' must be FP32 \[-1, 64\]/);
  await server.stop();
});

test("examples/scikit_learn tells malignant from benign, from JSON and from an array of NumPy", async (box) => {
  const accuracy = accuracyIn(await train(box, "scikit_learn"));
  assert.ok(accuracy > 0.93 && accuracy <= 1, String(accuracy));
  const server = await serve(box, "scikit_learn");
  for (const [file, type] of [["sample.json", "application/json"], ["sample.npy", "application/x-npy"]] as const) {
    const outputs = await ask(server, "scikit_learn", file, type);
    assert.deepEqual(outputs.map(({ label }: { label: string }) => label), ["malignant", "benign"]);
  }
  await server.stop();
}, imports(PACKAGES, "sklearn", "numpy", "joblib"));

test("examples/pytorch reads digits, and writes logs that TensorBoard reads back", async (box) => {
  const accuracy = accuracyIn(
    await train(box, "pytorch", ["--enable-tensorboard", "--tensorboard-dir", "tb"], ["--epochs", "4"]),
  );
  assert.ok(accuracy > 0.9 && accuracy <= 1, String(accuracy));
  const read = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1]).Reload()
print(json.dumps({tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}))`;
  const { code, stdout, stderr } = await box.run(["-c", read, box.path("tb")], { command: PACKAGES });
  assert.equal(code, 0, stderr);
  const scalars = Object.entries(JSON.parse(stdout) as Record<string, [step: number, value: number][]>);
  assert.ok(scalars.length >= 2, stdout);
  for (const [tag, values] of scalars) assert.equal(values.length, 4, `${tag}: ${stdout}`);
  const [, accuracies] = scalars.find(([tag]) => /accuracy/i.test(tag)) ?? assert.fail(stdout);
  assert.ok(Math.abs(accuracies.at(-1)![1] - accuracy) < 0.01, stdout);
  const server = await serve(box, "pytorch");
  const outputs = await ask(server, "pytorch", "sample.json", "application/json");
  assert.deepEqual(outputs.map(({ digit }: { digit: number }) => digit), [5, 8]);
  await server.stop();
}, imports(PACKAGES, "torch", "tensorboard"));

test("examples/digits is packaged, checked and unpacked, and trains and serves from there", async (box) => {
  assert.equal((await box.run(["package", "-q", "-m", `${ROOT}/examples/digits`])).code, 0);
  assert.equal((await box.run(["verify", "-q", "model.tar.gz"])).code, 0);
  assert.equal((await box.run(["unpack", "-q", "model.tar.gz", "out"])).code, 0);
  const { code, stdout } = await box.run(["train", "out/digits", "train.py", "model", "--epochs", "3"], { env: ENV });
  assert.equal(code, 0);
  assert.ok(accuracyIn(stdout) > 0.9);
  const server = await box.serve({ module: box.path("out/digits") });
  const [one] = await ask(server, "digits", "sample.json", "application/json");
  assert.equal(one.digit, 3);
  await server.stop();
});

test("examples/chat continues a text, streams and embeds, also from its archive", async (box) => {
  await train(box, "chat");
  const made = await box.run([
    "package",
    "-q",
    "-m",
    `${ROOT}/examples/chat`,
    "--model-dir",
    "model",
    "-o",
    "chat.tar.gz",
  ]);
  assert.equal(made.code, 0, made.stderr);
  const server = await Server.attach(box.start(["serve", "--port", "0", "chat.tar.gz"], { env: ENV }), true);
  const post = async (path: string, body: object) =>
    (await server.request(path, { method: "POST", body: JSON.stringify(body) })).text;
  const sample = JSON.parse(Deno.readTextFileSync(`${ROOT}/examples/chat/sample.json`));
  const { choices } = JSON.parse(await post("/v1/chat/completions", sample));
  assert.equal(choices[0].message.content, "waves to the wind comes over the sea is calm in the");
  const events = await post("/v1/chat/completions", { ...sample, stream: true, max_tokens: 2 });
  assert.match(events, /"content": " to"[^]*"finish_reason": "length".*\n\ndata: \[DONE\]\n\n$/);
  const input = ["The ships sail", "the ships see the light", "a cup of tea"];
  const { data } = JSON.parse(await post("/v1/embeddings", { input }));
  const [first, second, third] = data.map(({ embedding }: { embedding: number[] }) => embedding);
  const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  assert.ok(dot(first, second) > dot(first, third));
  await server.stop();
});
