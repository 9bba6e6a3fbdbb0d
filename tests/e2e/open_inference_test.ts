/** The Open Inference Protocol V2, with widely used clients. */

import assert from "node:assert/strict";
import { until } from "./support/limits.ts";
import { imports } from "./support/needs.ts";
import { echo, py, PYTHON, ROOT, type Sandbox, test, TOOLS } from "./support/sandbox.ts";
import { RawConnection } from "./support/raw.ts";
import { Server } from "./support/server.ts";

const CLIENTS = `${TOOLS}/python`;

/** Doubles its input, as JSON or as NumPy's file; returns images unchanged. */
const PLAIN = py`
  import io, json
  import numpy

  def load(model_dir, logger=None):
      return 2

  def deserialize(data, content_type="application/octet-stream", logger=None):
      if content_type == "application/x-npy":
          array = numpy.load(io.BytesIO(data))
          if array.size == 0:
              raise ValueError("an empty array")
          return array
      return json.loads(data) if content_type == "application/json" else data

  def predict(data, model, logger=None):
      if isinstance(data, dict):
          return {"predictions": predict(data["instances"], model)}
      if isinstance(data, bytes):
          return data
      return data if isinstance(data, numpy.ndarray) else [value if isinstance(value, int) else [x * model for x in value] for value in data]

  def serialize(data, accepted="*/*", logger=None):
      if isinstance(data, bytes):
          return data, "image/png"
      if isinstance(data, numpy.ndarray):
          file = io.BytesIO()
          numpy.save(file, data)
          return file.getvalue(), "application/x-npy"
      return json.dumps(data).encode(), "application/json"
`;

/** Adds up rows, and declares its tensors. */
const TYPED = py`
  import io, json
  import numpy

  def load(model_dir, logger=None):
      return None

  def v2_metadata(model):
      return {
          "platform": "numpy",
          "inputs": [{"name": "input", "datatype": "FP32", "shape": [-1, 2], "content_type": "application/x-npy"}],
          "outputs": [{"name": "sum", "datatype": "FP32", "shape": [-1]}],
      }

  def deserialize(data, content_type="application/octet-stream", logger=None):
      assert content_type == "application/x-npy", content_type
      return numpy.load(io.BytesIO(data))

  def predict(data, model, logger=None):
      return data.sum(axis=1)

  def serialize(data, accepted="*/*", logger=None):
      return json.dumps(data.tolist()).encode(), "application/json"
`;

async function serve(box: Sandbox): Promise<Server> {
  Deno.mkdirSync(box.path("model"));
  const words = Object.entries({ plain: PLAIN, typed: TYPED }).flatMap(([name, script]) => [
    "--model",
    `${name}=${box.module({ "serve.py": script }, name)},serve.py,${box.path("model")}`,
  ]);
  const program = box.start(["serve", "--port", "0", ...words]);
  const server = await Server.attach(program, false);
  await Server.untilReady(program, "plain", "typed");
  return server;
}

test(
  "the clients of Triton and KServe receive health, metadata and predictions",
  async (box) => {
    const server = await serve(box);
    const { code, stdout, stderr } = await box.run([`${ROOT}/tests/e2e/support/open_inference.py`, server.url], {
      command: CLIENTS,
    });
    assert.equal(code, 0, `${stderr}\n${server.log}`);
    const got = JSON.parse(stdout.trim().split("\n").at(-1)!);
    const { server: about, stats, ...rest } = got;
    assert.equal(about.name, "aimodellib");
    assert.deepEqual(about.extensions, ["binary_tensor_data", "model_configuration", "statistics"]);
    const [{ inference_stats: { success, fail, compute_infer: executed }, ...counts }] = stats.model_stats;
    assert.deepEqual(counts, {
      name: "typed",
      version: "1",
      inference_count: 1,
      execution_count: 1,
      response_stats: {},
      batch_stats: [],
      memory_usage: [],
    });
    assert.deepEqual([success.count, fail.count, executed.count], [1, 1, 1]);
    assert.ok(Number.isInteger(executed.ns) && executed.ns > 0 && executed.ns < success.ns, JSON.stringify(stats));
    const unloaded = "Clients can't load or unload models: the command line of 'serve' names them. " +
      "POST /admin/reload loads all of them again";
    assert.deepEqual(rest, {
      live: true,
      ready: true,
      models: [true, true, false],
      metadata: {
        name: "typed",
        versions: ["1"],
        platform: "numpy",
        inputs: [{ name: "input", datatype: "FP32", shape: [-1, 2], content_type: "application/x-npy" }],
        outputs: [{ name: "sum", datatype: "FP32", shape: [-1] }],
        parameters: { script: "serve.py", python: got.metadata.parameters.python },
      },
      json: ["7", "float64", [[2, 5], [-6, 8]]],
      binary: ["7", "float64", [[2, 5], [-6, 8]]],
      gzip: [[2, 5], [-6, 8]],
      deflate: [[2, 5], [-6, 8]],
      typed: ["float32", [3.5, 1]],
      wide: got.wide,
      wide_json: got.wide_json,
      pictures: [["b'\\x89PNG\\x00\\xff'", "b'two'"], { content_type: "image/png", binary_data_size: 17 }],
      pictures_base64: got.pictures_base64,
      unknown: "The model 'other' does not exist; known models: 'plain', 'typed'",
      wrong: "The input 'input' must be FP32 [-1, 2] (-1 is any size), not FP32 [2]",
      raised: "deserialize() raised ValueError: an empty array",
      output: "The output 'nothing' does not exist; known outputs: 'output'",
      config: {
        name: "typed",
        platform: "numpy",
        backend: "python",
        version_policy: { latest: { num_versions: 1 } },
        max_batch_size: 0,
        input: [{ name: "input", data_type: "TYPE_FP32", dims: [-1, 2] }],
        output: [{ name: "sum", data_type: "TYPE_FP32", dims: [-1] }],
        instance_group: [{ name: "typed", kind: "KIND_AUTO", count: 1 }],
      },
      config_version: true,
      index: ["plain", "typed"].map((name) => ({ name, version: "1", state: "READY", reason: "" })),
      stats_names: ["plain", "typed"],
      load: ["501", unloaded],
      unload: ["501", unloaded],
      stats_unknown: ["404", "The model 'other' does not exist; known models: 'plain', 'typed'"],
      kserve_ready: [true, true],
      kserve_json: ["k", "plain", [[2, 5], [-6, 8]]],
      kserve_binary: ["k", "plain", [[2, 5], [-6, 8]]],
      v1_ready: true,
      v1: { predictions: [[2, 4], [6, 8]] },
      v1_graph: { predictions: [[2, 4], [6, 8]] },
      v1_raised: [500, "predict() raised KeyError: 'instances'"],
      v1_unknown: [404, "The model 'other' does not exist; known models: 'plain', 'typed'"],
      v1_unknown_ready: [404, got.v1_unknown_ready[1]],
      v1_explain: [
        501,
        "The model 'plain' explains no predictions. If its script does, " +
        "'serve --route /v1/models/plain:explain=plain' passes these requests to it",
      ],
    });
    assert.match(got.v1_unknown_ready[1], /The model 'other' does not exist/);
    // As text, since a JavaScript number has fewer digits.
    for (const name of ["wide", "wide_json"]) {
      assert.match(stdout, new RegExp(`"${name}": \\[9223372036854775807, -9223372036854775808\\]`));
    }
    assert.deepEqual(got.pictures_base64[1], { content_type: "image/png", encoding: "base64" });
    await server.stop();
  },
  imports(CLIENTS, "kserve"),
  imports(CLIENTS, "tritonclient.http"),
  imports(PYTHON, "numpy"),
);

/** Returns the peak memory of a process, in MiB. */
const peakOf = (pid: number) => Number(/VmHWM:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${pid}/status`))![1]) / 1024;

test("health checks are answered while a large request is parsed, which takes memory in proportion to its length", async (box) => {
  const server = await box.serve(echo());
  const name = JSON.parse((await server.request("/v2/models")).text).models[0];
  const empty = '{"inputs":[{"name":"x","datatype":"FP32","shape":[2000000000,0],"data":[]}]}';
  assert.equal((await server.request(`/v2/models/${name}/infer`, { method: "POST", body: empty })).status, 400);
  const before = peakOf(server.program.pid);
  const count = 10_000_000;
  const head = `{"inputs":[{"name":"x","datatype":"INT32","shape":[${count}],"data":[`;
  const body = new Uint8Array(head.length + 2 * count + 3).fill(0x30);
  for (let at = head.length + 1; at < body.length; at += 2) body[at] = 0x2c;
  body.set(new TextEncoder().encode(head));
  body.set(new TextEncoder().encode("]}]}"), body.length - 4);
  // The shape has one element fewer, which is refused only after everything was parsed.
  body.set(new TextEncoder().encode(`[${count - 1}]`), head.indexOf(`[${count}]`));
  using large = await RawConnection.open(server.port);
  using other = await RawConnection.open(server.port);
  await large.send(
    `POST /v2/models/${name}/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n`,
  );
  await large.send(body.subarray(0, -1));
  await until("all but a byte has come", () => peakOf(server.program.pid) - before > body.length / 2 ** 20 / 2);
  const order: string[] = [];
  await large.send(body.subarray(-1));
  await other.send("GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const answers = await Promise.all([large, other].map(async (connection) => {
    const answer = await connection.receive();
    order.push(connection === large ? "large" : "health");
    return answer?.status;
  }));
  assert.deepEqual(answers, [400, 200]);
  assert.deepEqual(order, ["health", "large"]);
  const grown = peakOf(server.program.pid) - before;
  assert.ok(grown < 200, `${body.length / 2 ** 20} MiB took ${grown} MiB`);
  await server.stop();
});
