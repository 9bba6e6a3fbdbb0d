/** The files and variables of container platforms. */

import assert from "node:assert/strict";
import { until } from "./support/limits.ts";
import { has, imports } from "./support/needs.ts";
import { echo, py, PYTHON, ROOT, type Sandbox, test, TOOLS } from "./support/sandbox.ts";
import { Server } from "./support/server.ts";

const EMULATOR = `${TOOLS}/gcp-storage-emulator`;

/** Returns a port that was free a moment ago. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Creates SageMaker's folder in the sandbox. */
function sageMaker(box: Sandbox, files: Readonly<Record<string, string>>): Record<string, string> {
  box.write(Object.fromEntries(Object.entries(files).map(([name, text]) => [`ml/${name}`, text])));
  return { SAGEMAKER_BASE_DIR: box.path("ml") };
}

const TRAIN = py`
  import json, os

  def train(model_dir, *args, tensor_board_enabled=False, tensor_board_dir="logs", logger=None):
      with open(os.path.join(os.environ["SM_CHANNEL_TRAINING"], "data.csv")) as file:
          data = file.read()
      with open(os.path.join(model_dir, "model.json"), "w") as file:
          json.dump([args, data, os.environ["SM_MODEL_DIR"] == model_dir], file)
`;

test("train without arguments trains the code in SageMaker's folder", async (box) => {
  const env = sageMaker(box, {
    "code/fit.py": TRAIN,
    "input/config/hyperparameters.json": JSON.stringify({
      epochs: "10",
      name: '"a b"',
      rate: "1e-3",
      sagemaker_program: '"fit.py"',
    }),
    "input/data/training/data.csv": "1,2",
  });
  const { code, stderr } = await box.run(["train"], { env });
  assert.equal(code, 0, stderr);
  assert.deepEqual(JSON.parse(box.read("ml/model/model.json")), [
    ["--epochs", "10", "--name", "a b", "--rate", "1e-3"],
    "1,2",
    true,
  ]);
});

test(
  "train and serve without arguments run archives that SageMaker provides, with torchrun if the SDK asks for it",
  async (box) => {
    const module = box.module({
      "train.py": py`
      import os

      def train(model_dir, *args):
          place = os.path.join(model_dir, "rank-" + os.environ["RANK"])
          with open(place, "w") as file:
              file.write(" ".join([os.environ["WORLD_SIZE"], os.environ["SM_CURRENT_HOST"], os.environ["SM_HP_EPOCHS"], *args]))
    `,
      "serve.py": echo(py`
      def load(model_dir):
          return open(model_dir + "/rank-1").read()
      def predict(data, model):
          return model.encode()
    `),
    });
    Deno.mkdirSync(box.path("ml/input/data/code"), { recursive: true });
    const packed = await box.run(["package", "-m", module, "-o", box.path("ml/input/data/code/any.tar.gz")]);
    assert.equal(packed.code, 0, packed.stderr);
    const env = {
      ...sageMaker(box, {
        "input/config/hyperparameters.json": '{"epochs": "3", "sagemaker_torch_distributed_enabled": "true"}',
        "input/config/resourceconfig.json": '{"current_host": "algo-1", "hosts": ["algo-1"]}',
      }),
      PYTHONPATH: `${ROOT}/tests/e2e/support/light_torch`,
    };
    const { code, stderr } = await box.run(["train", "--nproc-per-node", "2"], { env });
    assert.equal(code, 0, stderr);
    for (const rank of [0, 1]) assert.equal(box.read(`ml/model/rank-${rank}`), "2 algo-1 3 --epochs 3");
    Deno.mkdirSync(box.path("ml/code"));
    Deno.renameSync(box.path("ml/input/data/code/any.tar.gz"), box.path("ml/code/any.tar.gz"));
    const server = await Server.attach(box.start(["serve", "--host", "127.0.0.1", "--port", "0"], { env }), true);
    assert.equal((await server.invoke("")).text, "2 algo-1 3 --epochs 3");
    await server.stop();
  },
  imports(PYTHON, "torch"),
);

test("a training that fails on SageMaker writes the reason to the file that SageMaker shows", async (box) => {
  const env = sageMaker(box, { "code/train.py": "def train(model_dir, *args):\n    raise ValueError('no data')\n" });
  assert.equal((await box.run(["train"], { env })).code, 1);
  assert.match(box.read("ml/output/failure"), /ValueError: no data/);
  Deno.removeSync(box.path("ml/code"), { recursive: true });
  assert.equal((await box.run(["train"], { env })).code, 2);
  assert.match(
    box.read("ml/output/failure"),
    /^The command line names no module, and there is no train\.py, manifest\.json or single \.tar\.gz in /,
  );
});

test("a training that fails on SageMaker keeps its exit code if the reason can't be written", async (box) => {
  const env = sageMaker(box, {
    "code/train.py": "def train(model_dir, *args):\n    raise SystemExit(5)\n",
    "output": "a file is in the way",
  });
  const { code, stderr } = await box.run(["train"], { env });
  assert.equal(code, 5, stderr);
  assert.match(stderr, /^Warning: the reason of the failure can't be written to '.*\/ml\/output\/failure': /m);
});

test("serve without arguments serves the code in SageMaker's folder, on SageMaker's port", async (box) => {
  const port = freePort();
  const env = {
    ...sageMaker(box, {
      "model/code/serve.py": echo(py`
        def load(model_dir):
            return open(model_dir + "/weights").read()
        def predict(data, model):
            return data + model.encode()
      `),
      "model/weights": "!",
    }),
    SAGEMAKER_BIND_TO_PORT: String(port),
  };
  const program = box.start(["serve", "--host", "127.0.0.1"], { env });
  await program.stderr.waitFor(/Ready: POST /);
  const server = Server.at(program, `http://127.0.0.1:${port}`);
  assert.equal((await server.request("/ping")).status, 200);
  assert.equal((await server.invoke("hi")).text, "hi!");
  await server.stop();
});

test("serve uses the port and the routes of Vertex AI's variables", async (box) => {
  const port = freePort();
  const env = {
    AIP_HTTP_PORT: String(port),
    AIP_HEALTH_ROUTE: "/v1/health",
    AIP_PREDICT_ROUTE: "/v1/models/m:predict",
  };
  const module = box.module({
    "serve.py": py`
      from aimodellib.io import InputError, deserialize, each_instance, serialize
      def load(model_dir):
          return 2
      @each_instance
      def predict(data, model, parameters=None):
          if data < 0:
              raise InputError("negative")
          return data * (parameters or {}).get("factor", model)
    `,
  });
  const packed = await box.run(["package", "-m", module]);
  assert.equal(packed.code, 0, packed.stderr);
  assert.doesNotMatch(packed.stderr, /predict/);
  const program = box.start(["serve", "--host", "127.0.0.1", module, "serve.py", box.root], { env });
  await program.stderr.waitFor(/Ready: POST /);
  const server = Server.at(program, `http://127.0.0.1:${port}`);
  assert.equal((await server.request("/v1/health")).status, 200);
  const ask = async (path: string, body: unknown) => {
    const headers = { "content-type": "application/json" };
    const { status, text } = await server.request(path, { method: "POST", body: JSON.stringify(body), headers });
    return [status, JSON.parse(text)];
  };
  const predicted = { predictions: [3, { error: { status: 400, message: "negative" } }, 6] };
  const asked = { instances: [1, -1, 2], parameters: { factor: 3 } };
  assert.deepEqual(await ask("/v1/models/m:predict", asked), [200, predicted]);
  assert.deepEqual(await ask("/invocations", 4), [200, 8]);
  await server.stop();
});

test("train tells the script where Vertex AI reads TensorBoard's logs, and refuses a bucket that is not mounted", async (box) => {
  const script = py`
    def train(model_dir, tensor_board_enabled=False, tensor_board_dir="logs"):
        print(tensor_board_enabled, tensor_board_dir)
  `;
  const env = { AIP_TENSORBOARD_LOG_DIR: box.path("logs") };
  const { code, stdout, stderr } = await box.train(script, [], { env });
  assert.equal(code, 0, stderr);
  assert.equal(stdout, `True ${box.path("logs")}\n`);
  assert.doesNotMatch(stderr, /TensorBoard/);
  const module = box.module({ "train.py": script });
  for (const uri of ["gs://no-such-bucket/model", "s3://bucket/model"]) {
    const refused = await box.run(["train", module, "train.py", uri]);
    assert.equal(refused.code, 2);
    assert.ok(refused.stderr.startsWith(`Error: The model directory '${uri}' is not a local folder, `), refused.stderr);
  }
  assert.deepEqual(
    [...Deno.readDirSync(box.root)].map(({ name }) => name).filter((name) => /^[gs][s3]/.test(name)),
    [],
  );
});

/** Starts an emulator of Cloud Storage with these objects in a bucket. */
async function cloudStorage(box: Sandbox, objects: Readonly<Record<string, string>>) {
  const port = freePort();
  const args = ["start", "--host", "127.0.0.1", "--port", String(port), "--default-bucket", "bucket", "--in-memory"];
  const program = box.start(args, { command: EMULATOR });
  const host = `http://127.0.0.1:${port}`;
  await until(
    "the emulator answers",
    () => fetch(host).then((answer) => answer.body!.cancel().then(() => true), () => false),
  );
  for (const [name, body] of Object.entries(objects)) {
    const query = new URLSearchParams({ uploadType: "media", name });
    const answer = await fetch(`${host}/upload/storage/v1/b/bucket/o?${query}`, { method: "POST", body });
    assert.equal(answer.status, 200, await answer.text());
  }
  const stop = async () => {
    program.kill("SIGKILL");
    await program.finished();
  };
  return { env: { STORAGE_EMULATOR_HOST: host }, [Symbol.asyncDispose]: stop };
}

/** Answers with the content of its model directory. */
const LOADS = echo(py`
  import pathlib
  def load(model_dir): return pathlib.Path(model_dir)
  def predict(data, model): return (model / data.decode()).read_bytes()
`);

test("serve fetches the artifacts of Vertex AI's variable, and answers 503 until then", async (box) => {
  const weights = "w".repeat(3_000_000);
  await using storage = await cloudStorage(box, {
    "a/model/config.json": "{}",
    "a/model/deep/weights": weights,
    "a/other": "x",
  });
  const env = { ...storage.env, AIP_STORAGE_URI: "gs://bucket/a/model" };
  const module = box.module({ "serve.py": LOADS });
  const program = box.start(["serve", "--host", "127.0.0.1", "--port", "0", module, "serve.py"], { env });
  const server = await Server.attach(program, true);
  assert.match(server.log, /INFO Fetched 2 files, 3000002 bytes, of 'gs:\/\/bucket\/a\/model' in /);
  assert.equal((await server.invoke("config.json")).text, "{}");
  assert.equal((await server.invoke("deep/weights")).text, weights);
  assert.equal(box.leftovers().filter((name) => name.startsWith("aimodellib-model-")).length, 1);
  await server.stop();
}, has(EMULATOR));

test("serve fetches the model directories of several models from Cloud Storage", async (box) => {
  await using storage = await cloudStorage(box, { "one/name": "first", "two/name": "second" });
  const module = box.module({ "serve.py": LOADS });
  const models = ["one", "two", "three"].flatMap((
    name,
  ) => ["--model", `${name}=${module},serve.py,gs://bucket/${name}`]);
  const program = box.start(["serve", "--port", "0", ...models], storage);
  const server = await Server.attach(program, true);
  await Server.untilReady(program, "one", "two");
  await program.stderr.waitFor(/The model 'three' failed/);
  for (const [name, text] of [["one", "first"], ["two", "second"]]) {
    assert.equal((await server.request(`/models/${name}/invocations`, { method: "POST", body: "name" })).text, text);
  }
  assert.match(server.log, /ERROR The model 'three' failed: 'gs:\/\/bucket\/three' contains no objects/);
  await server.stop();
}, has(EMULATOR));

test("serve exits with 1 and leaves no files when the artifacts can't be fetched", async (box) => {
  const module = box.module({ "serve.py": LOADS });
  await using storage = await cloudStorage(box, {});
  const empty = await box.run(["serve", "--port", "0", module, "serve.py", "gs://bucket/none"], storage);
  assert.equal(empty.code, 1);
  assert.match(empty.stderr, /^Error: 'gs:\/\/bucket\/none' contains no objects: /m);
  const unnamed = await box.run(["serve", "--port", "0", module, "serve.py"], storage);
  assert.equal(unnamed.code, 2);
  assert.match(
    unnamed.stderr,
    /^Error: The model directory is missing: pass it after the script or the archive, or put the model into/m,
  );
}, has(EMULATOR));

test("serve and train say what to do when the command line names nothing to run", async (box) => {
  const env = { SAGEMAKER_BASE_DIR: box.path("none") };
  for (const command of ["serve", "train"]) {
    const { code, stderr } = await box.run([command], { env });
    assert.equal(code, 2);
    assert.match(
      stderr,
      new RegExp(`^Error: The (?:model to serve|script to train) is missing: use 'aimodellib ${command} MODULE`),
    );
  }
  const { code, stderr } = await box.run(["serve"], { env: { ...env, AIP_HTTP_PORT: "eighty" } });
  assert.equal(code, 2);
  assert.match(stderr, /AIP_HTTP_PORT must be a port from 1 to 65535, not 'eighty'/);
});
