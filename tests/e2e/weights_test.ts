/** Archives that contain their model, which are served without a model directory. */

import assert from "node:assert/strict";
import { BIN, echo, type Sandbox, test } from "./support/sandbox.ts";
import { Server } from "./support/server.ts";

const SERVE = echo(`
import os
def load(model_dir):
    with open(os.path.join(model_dir, "weights.bin"), "rb") as file:
        return file.read()
def predict(data, model):
    return data + b":" + model[:4]
`);

/** Packs a module with a model. */
async function pack(box: Sandbox, model: Readonly<Record<string, string>>, ...options: string[]): Promise<void> {
  const module = box.module({ "serve.py": SERVE }, "digits");
  const folder = box.module(model, "trained");
  const { code, stderr } = await box.run(["package", "-m", module, "--model-dir", folder, ...options]);
  assert.equal(code, 0, stderr);
}

const serve = async (box: Sandbox, ...args: string[]) =>
  await Server.attach(box.start(["serve", "--port", "0", ...args]), true);

test("an archive with a model is served without a model directory: packed, unpacked and from standard input", async (box) => {
  await pack(box, { "weights.bin": "good and more" });
  assert.equal((await box.run(["unpack", "model.tar.gz", "unpacked"])).code, 0);
  assert.match((await box.run(["inspect", "model.tar.gz"])).stdout, /weights\.bin/);
  const piped = box.start(["-c", `exec "$0" serve --port 0 - < model.tar.gz`, BIN], { command: "sh" });
  for (
    const server of [await serve(box, "model.tar.gz"), await serve(box, "unpacked"), await Server.attach(piped, true)]
  ) {
    assert.equal((await server.invoke("a")).text, "a:good");
    await server.stop();
  }
});

test("a model directory on the command line replaces the one in the archive", async (box) => {
  await pack(box, { "weights.bin": "good" });
  box.module({ "weights.bin": "better" }, "other");
  const server = await serve(box, "model.tar.gz", "other");
  assert.equal((await server.invoke("a")).text, "a:bett");
  await server.stop();
});

test("--model accepts an archive that contains its model", async (box) => {
  await pack(box, { "weights.bin": "good" });
  const server = await serve(box, "--model", "a=model.tar.gz", "--model", "b=model.tar.gz");
  await server.program.stderr.waitFor(/Ready: POST .*\/models\/b\//);
  const answer = await fetch(`${server.url}/models/b/invocations`, { method: "POST", body: "x" });
  assert.equal(await answer.text(), "x:good");
  await server.stop();
});

test("verify and --key cover the model, and an archive that lacks it is refused", async (box) => {
  await pack(box, { "weights.bin": "good", "run.json": "{}" });
  await box.run(["keygen", "-W"]);
  await box.run(["sign", "model.tar.gz"]);
  const server = await serve(box, "--key", "aimodellib.pub", "model.tar.gz");
  assert.equal((await server.invoke("a")).text, "a:good");
  await server.stop();
  box.module({ "serve.py": SERVE, "manifest.json": `{"servingScript": "serve.py", "modelDirectory": "model"}` }, "bad");
  await box.run(["-C", box.path("bad"), "-czf", box.path("bad.tar.gz"), "."], { command: "tar" });
  const { code, stderr } = await box.run(["verify", "bad.tar.gz"]);
  assert.equal(code, 1);
  assert.match(stderr, /^Error: 'bad.tar.gz' lacks 'model', the modelDirectory in its manifest\.json/);
});

test("a module called model keeps its folder, and the model is put into another", async (box) => {
  const module = box.module({ "serve.py": SERVE }, "model");
  const trained = box.module({ "weights.bin": "good" }, "trained");
  assert.equal((await box.run(["package", "-m", module, "--model-dir", trained, "-o", "x.tar.gz"])).code, 0);
  const { manifest } = JSON.parse((await box.run(["inspect", "--json", "x.tar.gz"])).stdout);
  assert.deepEqual([manifest.module, manifest.modelDirectory], ["model", "model-1"]);
  const server = await serve(box, "x.tar.gz");
  assert.equal((await server.invoke("a")).text, "a:good");
  await server.stop();
});

test("the Dockerfile of an archive with a model copies no model directory", async (box) => {
  await pack(box, { "weights.bin": "good" });
  const { code, stdout } = await box.run(["dockerfile", "model.tar.gz"]);
  assert.equal(code, 0);
  assert.doesNotMatch(stdout, /srv\/model/);
  assert.match(stdout, /CMD \["serve", .*"\/srv\/archive"\]/);
});

test("train writes its record to the model directory, and package includes it", async (box) => {
  const module = box.module({
    "train.py": "def train(d, *a): open(d + '/weights.bin', 'w').write('good')\n",
    "serve.py": SERVE,
  });
  assert.equal((await box.run(["package", "-m", module, "-o", "code.tar.gz"])).code, 0);
  assert.equal((await box.run(["train", "code.tar.gz", "trained", "--epochs", "3"])).code, 0);
  const record = JSON.parse(box.read("trained/run.json"));
  const { sha256 } = JSON.parse((await box.run(["inspect", "--json", "code.tar.gz"])).stdout);
  assert.deepEqual([record.archive.sha256, record.command.slice(-2), record.outcome], [sha256, ["--epochs", "3"], {
    code: 0,
  }]);
  assert.match(record.python.packages.numpy, /^\d/);
  assert.equal((await box.run(["package", "-m", module, "--model-dir", "trained"])).code, 0);
  assert.match((await box.run(["inspect", "model.tar.gz"])).stdout, /run\.json/);
});

test("train does not replace a run.json that is not a record, and succeeds if no record can be written", async (box) => {
  const script = "def train(d): ...\n";
  box.module({ "run.json": `{"mine": true}` }, "model");
  const kept = await box.train(script);
  assert.equal(kept.code, 0);
  assert.match(kept.stderr, /Warning: '.*model\/run\.json' is not a record of aimodellib and stays/);
  assert.equal(box.read("model/run.json"), `{"mine": true}`);
  Deno.removeSync(box.path("model/run.json"));
  // A folder with the name of the archive's model.
  Deno.mkdirSync(box.path("model/run.json"));
  assert.equal((await box.train(script)).code, 0);
});
