/** The request that a script sees: id, trace, attributes, and whether the client has disconnected. */

import assert from "node:assert/strict";
import { until } from "./support/limits.ts";
import { echo, py, type Sandbox, test } from "./support/sandbox.ts";
import { RawConnection } from "./support/raw.ts";
import { type Answer, problemOf, Server } from "./support/server.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const TRACEPARENT = `00-${TRACE}-b7ad6b7169203331-01`;
const ATTRIBUTES = "x-amzn-sagemaker-custom-attributes";

/** Writes the fields of the request to the answer and to the log. */
const TELLS = echo(py`
  import json
  def load(model_dir, logger=None):
      logger.log("in load", logger.request)
  def predict(data, model, logger=None):
      request = logger.request
      logger.log("asked\nin two lines")
      print("printed", flush=True)
      if data == b"fail":
          raise ValueError("on demand")
      known = [request.id, request.traceparent, request.tracestate, request.custom_attributes, request.cancelled]
      return json.dumps(known).encode()
`);

const id = (answer: Answer) => answer.headers.get("x-request-id");
/** Returns the records of a JSON log with this message. */
const logged = (server: Server, message: string) =>
  server.log.trim().split("\n").map((line) => JSON.parse(line)).filter((record) => record.message === message);

async function serveJson(box: Sandbox, source: string, ...args: string[]): Promise<Server> {
  const module = box.module({ "serve.py": source });
  const program = box.start(["serve", "--port", "0", "--log-format", "json", ...args, module, "serve.py", box.root]);
  await program.stderr.waitFor(/Ready: POST /);
  return Server.at(program, /Listening on (http:[^;"]+);/.exec(program.stderr.text)![1]!);
}

test("a script sees its request, whose id is in the answer and in each line that the script logs", async (box) => {
  const server = await serveJson(box, TELLS);
  const answer = await server.invoke("", {
    "x-request-id": "my-id.1",
    traceparent: TRACEPARENT,
    tracestate: "vendor=1",
    [ATTRIBUTES]: 'trace-id="7" \\ more',
  });
  assert.deepEqual(JSON.parse(answer.text), ["my-id.1", TRACEPARENT, "vendor=1", 'trace-id="7" \\ more', false]);
  assert.equal(id(answer), "my-id.1");
  assert.equal(answer.headers.get(ATTRIBUTES), 'trace-id="7" \\ more');
  await until("all is logged", () => logged(server, "printed").length === 1);
  for (const message of ["asked", "in two lines"]) {
    const { time: _, ...record } = logged(server, message)[0];
    assert.deepEqual(record, {
      level: "info",
      logger: "worker",
      message,
      worker: 1,
      request_id: "my-id.1",
      trace_id: TRACE,
    });
  }
  assert.equal(logged(server, "printed")[0].request_id, undefined, "print() knows of no request");
  assert.equal(logged(server, "in load None").length, 1);

  const made = await server.invoke("");
  assert.deepEqual(JSON.parse(made.text), [id(made), null, null, null, false]);
  const other = await server.invoke("");
  assert.notEqual(id(made), id(other));
  await server.stop();
});

test("malformed headers are ignored", async (box) => {
  const server = await box.serve(TELLS);
  const rubbish = [
    { "x-request-id": "a b" },
    { "x-request-id": "x".repeat(129) },
    { "x-request-id": '"},{"' },
    { traceparent: "00-00000000000000000000000000000000-b7ad6b7169203331-01", tracestate: "vendor=1" },
    { traceparent: "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" },
    { tracestate: "vendor=1" },
    { [ATTRIBUTES]: "x".repeat(1025) },
    { [ATTRIBUTES]: "\u00fc" },
  ];
  for (const headers of rubbish) {
    const answer = await server.invoke("", headers as Record<string, string>);
    assert.deepEqual(JSON.parse(answer.text), [id(answer), null, null, null, false], JSON.stringify(headers));
    assert.match(id(answer)!, /^[0-9a-f]{12}-\d+$/);
    assert.equal(answer.headers.get(ATTRIBUTES), null);
  }
  // The longest accepted attributes, with an escape for each character.
  const longest = { "x-request-id": "x".repeat(128), traceparent: TRACEPARENT, tracestate: '"'.repeat(512) };
  const answer = await server.invoke("", { ...longest, [ATTRIBUTES]: "\\".repeat(1024) });
  const [, , tracestate, attributes] = JSON.parse(answer.text);
  assert.deepEqual([tracestate.length, attributes.length], [512, 1024]);
  await server.stop();
});

test("problems and records of exceptions contain the request's id", async (box) => {
  const server = await serveJson(box, TELLS);
  const failed = await server.invoke("fail", { "x-request-id": "the-bad-one" });
  assert.deepEqual([problemOf(failed).status, id(failed)], [500, "the-bad-one"]);
  const records = () => logged(server, "predict() raised ValueError: on demand (worker 1, request the-bad-one)");
  await until("the exception is logged", () => records().length === 1);
  assert.equal(records()[0].request_id, "the-bad-one");
  for (const path of ["/nowhere", "/v2/models/none/infer"]) {
    assert.equal(id(await server.request(path, { headers: { "x-request-id": "lost" } })), "lost");
  }
  await server.stop();
});

test("a text log contains the request's id", async (box) => {
  const server = await box.serve(TELLS);
  await server.invoke("", { "x-request-id": "readable" });
  await server.program.stderr.waitFor(/^\[worker 1, request readable\] asked$/);
  await server.program.stderr.waitFor(/^\[worker 1, request readable\] in two lines$/);
  await server.stop();
});

/** Works until the client has disconnected. */
const WORKS = echo(py`
  import time
  def predict(data, model, logger=None):
      if data == b"quick":
          return logger.request.id.encode()
      logger.log("works")
      end = time.monotonic() + 60
      while time.monotonic() < end:
          if logger.request.cancelled:
              logger.log("ends early")
              return data
          time.sleep(0.01)
      return b"nobody said so"
`);

for (const args of [[], ["--threads", "2"]]) {
  test(`a script can detect that its client has disconnected ${args.join(" ")}`, async (box) => {
    const server = await box.serve(WORKS, { args: ["--port", "0", ...args] });
    const client = new AbortController();
    const answer = fetch(`${server.url}/invocations`, {
      method: "POST",
      body: "work",
      headers: { "x-request-id": "leaver" },
      signal: client.signal,
    });
    await server.program.stderr.waitFor(/request leaver\] works$/);
    client.abort();
    await assert.rejects(answer);
    await server.program.stderr.waitFor(/request leaver\] ends early$/);
    const next = await server.invoke("quick", { "x-request-id": "next" });
    assert.deepEqual([next.status, next.text], [200, "next"]);
    assert.equal(server.workersReady, 1, "the worker stays");
    await server.stop();
  });
}

const TASKS = echo(py`
  import asyncio
  async def predict(data, model, logger=None):
      before = logger.request.id
      await asyncio.sleep(0.01)
      return f"{before} {logger.request.id}".encode()
`);
const THREADS = TASKS.replace("async def", "def").replace("import asyncio", "import time").replace(
  "await asyncio.",
  "time.",
);

test("each task and each thread sees its own request", async (box) => {
  for (const [source, args] of [[TASKS, []], [THREADS, ["--threads", "4"]]] as const) {
    const server = await box.serve(echo(source), { args: ["--port", "0", ...args] });
    const names = Array.from({ length: 50 }, (_, index) => `request-${index}`);
    const answers = await Promise.all(names.map((name) => server.invoke("", { "x-request-id": name })));
    assert.deepEqual(answers.map(({ text }) => text), names.map((name) => `${name} ${name}`));
    await server.stop();
  }
});

test("functions that handle one request of a batch see its id", async (box) => {
  const server = await box.serve(
    echo(py`
      def deserialize(data, content_type, logger=None):
          logger.log("reads", data.decode())
          return logger.request.id
      def predict(data, model):
          return data
      def predict_batch(data, model, logger=None):
          assert logger.request is None
          return data
      def serialize(data, accepted, logger=None):
          return f"{data} {logger.request.id}".encode(), "text/plain"
    `),
    { args: ["--port", "0", "--max-batch-size", "4"] },
  );
  const names = ["a", "b", "c", "d", "e"];
  const answers = await Promise.all(names.map((name) => server.invoke(name, { "x-request-id": name })));
  assert.deepEqual(answers.map(({ text }) => text), names.map((name) => `${name} ${name}`));
  await server.program.stderr.waitFor(/^\[worker 1, request e\] reads e$/);
  await server.stop();
});

/** Answers with method, path, query and headers. */
const ASKED = echo(py`
  import json
  def predict(data, model, logger=None):
      request = logger.request
      return json.dumps([request.method, request.path, request.query, request.headers, len(data)]).encode()
`);
const VARIANTS: [string, string, string[]][] = [
  ["", ASKED, []],
  [" in a task", ASKED.replace("def predict", "async def predict"), []],
  [" in a thread", ASKED, ["--threads", "2"]],
  [" where each request is logged", ASKED, ["--access-log"]],
];

for (const [how, source, args] of VARIANTS) {
  test(`a script can read method, path and headers of its request${how}`, async (box) => {
    const server = await box.serve(source, { args: ["--port", "0", "--max-body", "100k", ...args] });
    using connection = await RawConnection.open(server.port);
    const ask = async (target: string, fields: string, body = "") => {
      await connection.send(
        `POST ${target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`,
      );
      const answer = await connection.receive();
      assert.equal(answer?.status, 200, answer?.body);
      return JSON.parse(answer!.body);
    };
    const fields = "X-Tenant: a\r\nx-tenant: b\r\nX-Latin: gr\xfcn\r\nAuthorization: Bearer mine\r\n";
    for (let round = 0; round < 2; round++) {
      assert.deepEqual(await ask("/invocations?threshold=0.5&n=1&n=%C3%A4", fields, "body"), [
        "POST",
        "/invocations",
        { threshold: "0.5", n: "\u00e4" },
        {
          host: "localhost",
          "content-length": "4",
          "x-tenant": "a, b",
          "x-latin": "gr\u00fcn",
          authorization: "Bearer mine",
        },
        4,
      ]);
    }
    assert.deepEqual(await ask("/invocations", ""), [
      "POST",
      "/invocations",
      {},
      { host: "localhost", "content-length": "0" },
      0,
    ]);
    // A head longer than metadata and --max-body, with a small body, and with one that uses the exchange.
    for (const [size, length] of [[60_000, 0], [70_000, 0], [125_000, 0], [125_000, 90_000], [3, 90_000]] as const) {
      const value = "\xfc".repeat(size);
      const [method, path, , headers, got] = await ask("/invocations?a", `X-Long: ${value}\r\n`, "b".repeat(length));
      assert.deepEqual([method, path, headers["x-long"] === value, got], ["POST", "/invocations", true, length]);
    }
    const many = await Promise.all(
      Array.from({ length: 40 }, (_, i) => server.request(`/invocations?i=${i}`, { method: "POST" })),
    );
    assert.deepEqual(
      many.map(({ text }) => JSON.parse(text)[2]),
      many.map((_, i) => ({ i: String(i) })),
    );
    await server.stop();
  });
}

test("a script can read method, path and headers with the Open Inference Protocol and with several models", async (box) => {
  const server = await box.serve(ASKED);
  const [name] = JSON.parse((await server.request("/v2/models")).text).models;
  const body =
    '{"inputs":[{"name":"input","datatype":"BYTES","shape":[1],"data":["x"],"parameters":{"content_type":"text/plain"}}]}';
  const answer = await server.request(`/v2/models/${name}/infer?a=b`, {
    method: "POST",
    body,
    headers: { "x-tenant": "c" },
  });
  const [method, path, query, headers] = JSON.parse(JSON.parse(answer.text).outputs[0].data[0]);
  assert.deepEqual([method, path, query, headers["x-tenant"]], ["POST", `/v2/models/${name}/infer`, { a: "b" }, "c"]);
  const [, direct] = JSON.parse((await server.request(`/models/${name}/invocations`, { method: "POST" })).text);
  assert.equal(direct, `/models/${name}/invocations`);
  await server.stop();
});

test("a script does not see the token of a request", async (box) => {
  const server = await box.serve(ASKED, { env: { AIMODELLIB_TOKEN: "the-token-of-this-server" } });
  const answer = await server.invoke("", { authorization: "Bearer the-token-of-this-server", "x-other": "seen" });
  assert.equal(answer.status, 200);
  assert.match(answer.text, /"x-other": "seen"/);
  assert.doesNotMatch(answer.text, /the-token-of-this-server/);
  await server.stop();
});
