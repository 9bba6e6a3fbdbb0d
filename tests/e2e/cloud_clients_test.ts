/** What SageMaker asks a container, with the real clients of SageMaker and mlflow. */

import assert from "node:assert/strict";
import { VERSION } from "../../src/version.ts";
import { imports } from "./support/needs.ts";
import { echo, py, ROOT, test, TOOLS } from "./support/sandbox.ts";
import { Server } from "./support/server.ts";

const CLIENTS = `${TOOLS}/python`;
const TOKEN = "0123456789abcdef-token";

/** Sends words one by one; some of them fail. Answers mlflow's tables at once. */
const WORDS = py`
  import json, os, pathlib

  def load(model_dir):
      return pathlib.Path(model_dir) / "count"

  def deserialize(data, content_type):
      return json.loads(data) if content_type == "application/json" else data.decode()

  def predict(data, model):
      if isinstance(data, dict):
          yield {"predictions": data["dataframe_split"]["data"]}
          return
      with model.open("a") as file:
          file.write("x")
      for word in data.split():
          if word == "fail":
              raise ValueError("no such word")
          if word == "die":
              os._exit(1)
          yield {"count": str(model.stat().st_size), "large": "x" * 3_000_000}.get(word, word + " ")

  def serialize(data, accepted):
      if isinstance(data, dict):
          return json.dumps(data).encode(), "application/json"
      return data.encode(), "text/plain" if accepted == "*/*" else accepted
`;

test(
  "the clients of SageMaker and mlflow invoke, stream, and raise their own errors",
  async (box) => {
    const [module, secret] = [box.module({ "serve.py": WORDS }, "words"), box.module({ "serve.py": echo() }, "echo")];
    Deno.mkdirSync(box.path("model"));
    const serve = async (module: string, env: Record<string, string>) => {
      const program = box.start(["serve", "--port", "0", module, "serve.py", box.path("model")], { env });
      return await Server.attach(program, true);
    };
    const [server, secured] = await Promise.all([serve(module, {}), serve(secret, { AIMODELLIB_TOKEN: TOKEN })]);
    const script = `${ROOT}/tests/e2e/support/cloud_clients.py`;
    const env = { HOME: box.root, AWS_EC2_METADATA_DISABLED: "true", MLFLOW_TRACKING_URI: `file://${box.root}` };
    const { code, stdout, stderr } = await box.run([script, server.url, secured.url, TOKEN], { command: CLIENTS, env });
    assert.equal(code, 0, `${stderr}\n${server.log}`);
    const raised = "predict() raised ValueError: no such word";
    const got = JSON.parse(stdout.trim().split("\n").at(-1)!);
    assert.match(got.died[2], /^The model answered 502: The worker that executed this request died/);
    assert.deepEqual(got, {
      whole: ["a b ", "text/x-accepted", "trace=1"],
      raised: ["ModelError", "ModelError", `The model answered 500: ${raised}`, 424, 500, "no such word"],
      died: ["ModelError", "ModelError", got.died[2], 424, 502, null],
      // The one before, both failures, and this request: none was repeated.
      count: "4",
      unknown: [
        "ValidationError",
        "ValidationError",
        "The model 'other' does not exist; known models: 'words'",
        404,
        null,
        null,
      ],
      async: ["ValidationError", "ValidationError", got.async[2], 501, null, null],
      streamed: [["a ", "b "], "text/plain"],
      large: 3_000_000,
      stream_raised: ["ModelError", "ModelError", `The model answered 500: ${raised}`, 424, 500, "no such word"],
      stream_broken: ["EventStreamError", "ModelStreamError", raised, got.stream_broken[3], null, null],
      version: VERSION,
      scored: [[1], [2]],
      deployed: { predictions: [[1], [2]] },
      no_token: ["ClientError", "AccessDeniedException", got.no_token[2], 401, null, null],
      token: "x",
      mlflow_token: { a: 1 },
    });
    // What failed has its own status in metrics.
    const metrics = (await server.request("/metrics")).text;
    for (const status of [500, 502]) {
      assert.ok(
        metrics.includes(`{route="/endpoints/{name}/invocations",model="words",status="${status}"} 1\n`),
        metrics,
      );
    }
    await Promise.all([server.stop(), secured.stop()]);
  },
  imports(CLIENTS, "boto3"),
  imports(CLIENTS, "mlflow.deployments"),
);
