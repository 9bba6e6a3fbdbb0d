/** How `aimodellib serve` passes requests to the script, and sends its answers. */

import assert from "node:assert/strict";
import { onOneServer } from "./support/one_server.ts";
import { RawConnection } from "./support/raw.ts";
import { echo, py, test } from "./support/sandbox.ts";
import { DESCRIBE } from "./support/scripts.ts";
import { Server } from "./support/server.ts";

const describing = onOneServer((box) => box.serve(DESCRIBE));

describing("serve passes the specification's default headers to the script when a request has none", async (server) => {
  using connection = await RawConnection.open(server.port);
  await connection.send("POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc");
  const answer = await connection.receive();
  assert.equal(answer?.status, 200);
  assert.equal(answer.headers.get("content-type"), "application/json");
  assert.deepEqual(JSON.parse(answer.body), {
    content_type: "application/octet-stream",
    accepted: "*/*",
    bytes: 3,
    type: "bytes",
  });
});

describing("serve passes Content-Type and Accept to the script unchanged", async (server) => {
  for (
    const [contentType, accepted] of [
      ["application/json; charset=utf-8", "text/csv;q=0.5, */*;q=0.1"],
      ['multipart/form-data; boundary="a b"', "application/vnd.thing+json; version=2"],
      ["x", "y"],
      ["TEXT/Plain", "*/*"],
    ]
  ) {
    const { text } = await server.invoke("abc", { "content-type": contentType!, accept: accepted! });
    assert.deepEqual(JSON.parse(text), { content_type: contentType, accepted, bytes: 3, type: "bytes" });
  }
  // More than either side caches.
  for (let i = 0; i < 600; i++) {
    const { text } = await server.invoke("abc", { "content-type": `text/x-${i}`, accept: `text/y-${i}` });
    const { content_type, accepted } = JSON.parse(text);
    assert.deepEqual([content_type, accepted], [`text/x-${i}`, `text/y-${i}`]);
  }
});

describing("serve accepts an empty body without a length, and one without chunks", async (server) => {
  for (const head of ["Content-Length: 0\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "\r\n"]) {
    using connection = await RawConnection.open(server.port);
    await connection.send(`POST /invocations HTTP/1.1\r\nHost: localhost\r\n${head}`);
    const answer = await connection.receive();
    assert.equal(answer?.status, 200);
    assert.equal(JSON.parse(answer.body).bytes, 0);
  }
});

test("serve uses the content type that serialize returns for each request", async (box) => {
  const server = await box.serve(echo(py`
    def predict(data, model, logger=None):
        return data.decode()
    def serialize(data, accepted="*/*", logger=None):
        return {"b": b"bytes", "a": bytearray(b"array"), "v": memoryview(b"view")}[data[0]], data[1:]
  `));
  for (const [body, contentType, text] of [["btext/csv", "text/csv", "bytes"], ["aimage/png", "image/png", "array"]]) {
    for (let i = 0; i < 3; i++) {
      const answer = await server.invoke(body!);
      assert.deepEqual([answer.status, answer.headers.get("content-type"), answer.text], [200, contentType, text]);
    }
  }
  const answer = await server.invoke("vapplication/json; charset=utf-8");
  assert.deepEqual([answer.headers.get("content-type"), answer.text], ["application/json; charset=utf-8", "view"]);
  await server.stop();
});

/** Scripts that double their input, by what they are. */
const DOUBLING = {
  "functions without a logger": "def load(d): return 2\ndef predict(data, model): return data * model\n",
  "functions with **kwargs": py`
    def load(d, **kw): return 2
    def deserialize(b, **kw): assert 'content_type' in kw; return b
    def predict(data, model, **kw): return data * model
  `,
  "async functions": py`
    import asyncio
    async def load(d): return 2
    async def predict(d, m):
        await asyncio.sleep(0)
        return d * m
  `,
  "an instance of a class": py`
    class Model:
        def load(self, d): self.factor = 2; return self.factor
        def deserialize(self, b, content_type): return b
        def predict(self, d, m): return d * self.factor
        def serialize(self, d, accepted): return d, 'text/plain'
    model = Model()
    del load, deserialize, predict, serialize
  `,
};

const doubling = onOneServer(async (box) => {
  const models = Object.values(DOUBLING).flatMap((script, index) => {
    return ["--model", `model-${index}=${box.module({ "serve.py": echo(script) })},serve.py,${box.root}`];
  });
  const program = box.start(["serve", "--port", "0", ...models]);
  await Server.untilReady(program, ...Object.keys(DOUBLING).map((_, index) => `model-${index}`));
  return await Server.attach(program, true);
});

for (const [index, what] of Object.keys(DOUBLING).entries()) {
  doubling(`serve runs a script with ${what}`, async (server) => {
    const answer = await server.request(`/models/model-${index}/invocations`, { method: "POST", body: "ab" });
    assert.deepEqual([answer.status, answer.text], [200, "abab"]);
  });
}

test("serve passes the absolute model directory and a logger to load when the path is relative", async (box) => {
  box.module({
    "sub/dir/serve.py": echo(py`
      import neighbour
      def load(model_dir, logger=None):
          logger.log("from", model_dir, level="INFO")
          return neighbour.FACTOR
      def predict(data, model, logger=None):
          logger.log("predict", len(data))
          return data * model
    `),
    "neighbour.py": "FACTOR = 3\n",
  }, "mit Leerzeichen é 模型");
  box.write({ "model 模型/weights": "" });
  const program = box.start(["serve", "--port", "0", "mit Leerzeichen é 模型", "sub/dir/serve.py", "./model 模型/"]);
  const [, port] = await program.stderr.waitFor(/Ready: POST http:\/\/127\.0\.0\.1:(\d+)\/invocations/);
  await program.stderr.waitFor(new RegExp(`^\\[worker 1\\] \\[INFO\\] from ${box.path("model 模型")}$`));
  const answer = await fetch(`http://127.0.0.1:${port}/invocations`, { method: "POST", body: "ab" });
  assert.equal(await answer.text(), "ababab");
  const id = answer.headers.get("x-request-id");
  await program.stderr.waitFor(new RegExp(`^\\[worker 1, request ${id}\\] predict 2$`));
  program.kill("SIGINT");
  assert.equal((await program.finished()).code, 0);
});

test("serve logs the output of the script and its children, tagged and in order", async (box) => {
  const server = await box.serve(echo(py`
    import os, subprocess, sys
    print("imported")
    def predict(data, model, logger=None):
        for i in range(20):
            print("out", i)
            print("err", i, file=sys.stderr)
            subprocess.run(["/bin/echo", "child", str(i)])
            logger.log("log", i)
        sys.stdout.write("no end")
        return data
  `));
  assert.equal((await server.invoke("x")).status, 200);
  await server.stop();
  const expected = Array.from({ length: 20 }, (_, i) => ["out", "err", "child", "log"].map((word) => `${word} ${i}`));
  assert.deepEqual(server.printed, ["imported", ...expected.flat(), "no end"]);
});
