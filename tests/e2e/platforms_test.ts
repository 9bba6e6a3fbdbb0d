/** What platforms that run containers say, by files and variables, as they say it. */

import assert from "node:assert/strict";
import { echo, py, type Sandbox, test } from "./support/sandbox.ts";
import { Server } from "./support/server.ts";

/** A port that was free a moment ago. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** The folder that SageMaker makes, at a place where a test may. */
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

test("train without arguments trains what SageMaker has put in its folder", async (box) => {
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

test("a training that fails on SageMaker says why in the file that it shows", async (box) => {
  const env = sageMaker(box, { "code/train.py": "def train(model_dir, *args):\n    raise ValueError('no data')\n" });
  assert.equal((await box.run(["train"], { env })).code, 1);
  assert.match(box.read("ml/output/failure"), /ValueError: no data/);
  Deno.removeSync(box.path("ml/code"), { recursive: true });
  assert.equal((await box.run(["train"], { env })).code, 2);
  assert.match(box.read("ml/output/failure"), /^There are no arguments, and no train\.py or manifest\.json in /);
});

test("serve without arguments serves what SageMaker has put in its folder, on the port that it names", async (box) => {
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

test("serve answers on the port and the routes that Vertex AI names", async (box) => {
  const port = freePort();
  const env = {
    AIP_HTTP_PORT: String(port),
    AIP_HEALTH_ROUTE: "/v1/health",
    AIP_PREDICT_ROUTE: "/v1/models/m:predict",
  };
  const program = box.start(
    ["serve", "--host", "127.0.0.1", box.module({ "serve.py": echo() }), "serve.py", box.root],
    { env },
  );
  await program.stderr.waitFor(/Ready: POST /);
  const server = Server.at(program, `http://127.0.0.1:${port}`);
  assert.equal((await server.request("/v1/health")).status, 200);
  const body = '{"instances": [1]}';
  const answer = await server.request("/v1/models/m:predict", {
    method: "POST",
    body,
    headers: { "content-type": "application/json" },
  });
  assert.equal(answer.text, body);
  assert.equal((await server.invoke("x")).text, "x");
  await server.stop();
});

test("serve and train say what to do when there is nothing to run", async (box) => {
  const env = { SAGEMAKER_BASE_DIR: box.path("none") };
  for (const command of ["serve", "train"]) {
    const { code, stderr } = await box.run([command], { env });
    assert.equal(code, 2);
    assert.match(stderr, new RegExp(`^Error: There is nothing to ${command}: say 'aimodellib ${command} MODULE`));
  }
  const { code, stderr } = await box.run(["serve"], { env: { ...env, AIP_HTTP_PORT: "eighty" } });
  assert.equal(code, 2);
  assert.match(stderr, /AIP_HTTP_PORT must be a port from 1 to 65535, not 'eighty'/);
});
