/** Statuses and headers that the exceptions of a script choose. */

import assert from "node:assert/strict";
import { imports } from "./support/needs.ts";
import { onOneServer } from "./support/one_server.ts";
import { RawConnection } from "./support/raw.ts";
import { echo, py, test, TOOLS } from "./support/sandbox.ts";
import { problemOf } from "./support/server.ts";

/** Raises an exception in the stage, and with the status and headers, that the body names. */
const RAISES = py`
  import json
  class Refused(Exception):
      def __init__(self, how):
          super().__init__("on demand")
          vars(self).update(how)
  def fail(data, stage):
      if isinstance(data, dict) and data.get("stage") == stage:
          raise Refused(data["error"])
  def load(model_dir):
      return None
  def deserialize(data, content_type):
      data = json.loads(data)
      fail(data, "deserialize")
      return data
  def predict(data, model):
      fail(data, "predict")
      return data
  def serialize(data, accepted):
      fail(data, "serialize")
      return json.dumps(data).encode(), "application/json"
`;

for (const args of [["--threads", "2"], ["--access-log"], []]) {
  const raising = onOneServer((box) => box.serve(RAISES, { args: ["--port", "0", ...args] }));

  raising(`an exception sets the status of the answer, in each stage ${args.join(" ")}`, async (server) => {
    for (const stage of ["deserialize", "predict", "serialize"]) {
      const ask = (error: object) => server.invoke(JSON.stringify({ stage, error }));
      for (const error of [{ status: 422 }, { status_code: 422 }, { status: "bad", status_code: 422 }]) {
        const answer = await ask({ ...error, headers: { "Retry-After": 7, "X-Reason": "quota" } });
        const problem = problemOf(answer);
        assert.deepEqual([problem.status, problem.title], [422, "Unprocessable Content"]);
        assert.deepEqual(
          [problem["stage"], problem["exception"], problem["message"]],
          [stage, "Refused", "on demand"],
        );
        assert.deepEqual([answer.headers.get("retry-after"), answer.headers.get("x-reason")], ["7", "quota"]);
      }
      for (const status of [400, 404, 415, 429, 499, 500, 503, 599]) {
        assert.equal((await ask({ status })).status, status);
      }
      const usual = stage === "deserialize" ? 400 : 500;
      for (const status of [true, 200, 204, 304, 399, 600, 422.5, "422", null]) {
        assert.equal(problemOf(await ask({ status })).status, usual, `${stage} ${status}`);
      }
    }
    assert.equal((await server.invoke("[1]")).text, "[1]");
  });

  if (args.length > 0) continue;

  raising("headers of an exception can't inject other headers or answers", async (server) => {
    const headers = {
      "Retry-After": "1",
      "X-A": "a\r\nSet-Cookie: stolen=1",
      "X-B\r\nSet-Cookie": "stolen=2",
      "X-C": "c\r\n\r\nHTTP/1.1 200 OK",
      "X-D": "\u010d\u010a",
      "Set-Cookie": "stolen=3",
      "Content-Length": "3",
      "Transfer-Encoding": "chunked",
      "Content-Type": "text/html",
      "Connection": "close",
      "X-Request-Id": "stolen",
      "X-E": "e".repeat(5000),
    };
    const body = JSON.stringify({ stage: "predict", error: { status: 429, headers } })
      .replaceAll(/[\x80-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
    using connection = await RawConnection.open(server.port);
    for (let round = 0; round < 2; round++) {
      await connection.send(
        `POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
      const answer = await connection.receive();
      assert.equal(answer?.status, 429);
      assert.deepEqual([...answer.headers.keys()].toSorted(), [
        "content-length",
        "content-type",
        "date",
        "retry-after",
        "x-content-type-options",
        "x-request-id",
      ]);
      assert.equal(answer.headers.get("content-type"), "application/problem+json");
      assert.doesNotMatch(answer.headers.get("x-request-id")!, /stolen/);
    }
    await server.program.stderr.waitFor(/The header 'Set-Cookie' of the script's Refused is ignored: only the server/);
  });
}

test("each request of a batch gets the status of its own exception", async (box) => {
  const server = await box.serve(
    RAISES + py`
      def predict_batch(data, model):
          if any(isinstance(item, dict) and item.get("together") for item in data):
              for item in data:
                  fail(item, "predict")
          return [Refused({"status": 409}) if item == "conflict" else item for item in data]
    `,
    { args: ["--port", "0", "--max-batch-size", "4", "--batch-timeout", "5"] },
  );
  const bodies = [
    "1",
    JSON.stringify({ stage: "deserialize", error: { status: 415 } }),
    '"conflict"',
    JSON.stringify({ stage: "serialize", error: { status: 406 } }),
    JSON.stringify({ together: true, stage: "predict", error: { status: 422 } }),
    "2",
    // Two full batches, which wait for no other request.
    "3",
    "4",
  ];
  const answers = await Promise.all(bodies.map((body) => server.invoke(body)));
  assert.deepEqual(answers.map(({ status }) => status), [200, 415, 409, 406, 422, 200, 200, 200]);
  await server.stop();
});

const PARTS = py`
  class Refused(Exception):
      status_code = 429
      headers = {"Retry-After": "5"}
  def predict(data, model):
      for index in range(2):
          if data == str(index).encode():
              raise Refused("no more")
          yield b"part"
`;

for (const source of [PARTS, PARTS.replace("def predict", "async def predict")]) {
  test(`an exception of a generator sets the status only before the first part ${source.includes("async") ? "async" : ""}`, async (box) => {
    const server = await box.serve(echo(source));
    for (const accept of ["*/*", "text/event-stream"]) {
      const answer = await server.invoke("0", { accept });
      assert.equal(problemOf(answer).status, 429);
      assert.equal(answer.headers.get("retry-after"), "5");
    }
    const { text, status } = await server.invoke("1", { accept: "text/event-stream" });
    assert.equal(status, 200, "the status was sent with the first part");
    assert.equal(JSON.parse(/\nevent: error\ndata: (.*)\n\n$/.exec(text)![1]!).status, 429);
    await server.stop();
  });
}

test("an exception sets status and headers of an Open Inference Protocol answer", async (box) => {
  const server = await box.serve(py`
    import json
    class Refused(Exception):
        status = 429
        headers = {"Retry-After": "5", "X-Request-Id": "stolen"}
    def load(model_dir):
        return None
    def deserialize(data, content_type):
        return json.loads(data)
    def predict(data, model):
        raise Refused("too many")
    def serialize(data, accepted):
        return b"", "text/plain"
  `);
  const [name] = JSON.parse((await server.request("/v2/models")).text).models;
  const body = '{"inputs":[{"name":"input","datatype":"INT64","shape":[1],"data":[1]}]}';
  const answer = await server.request(`/v2/models/${name}/infer`, { method: "POST", body });
  const problem = problemOf(answer);
  assert.equal(problem.status, 429);
  assert.equal(problem["error"], "predict() raised Refused: too many");
  assert.equal(answer.headers.get("retry-after"), "5");
  assert.notEqual(answer.headers.get("x-request-id"), "stolen");
  await server.stop();
});

const FRAMEWORKS = `${TOOLS}/python`;

test(
  "exceptions of web frameworks keep their status",
  async (box) => {
    const script = echo(py`
      from aiohttp import web
      from fastapi import HTTPException
      from starlette.exceptions import HTTPException as Starlette
      from werkzeug import exceptions
      def predict(data, model):
          raise {
              b"fastapi": HTTPException(422, "bad", {"Retry-After": "1"}),
              b"starlette": Starlette(status_code=422, detail="bad", headers={"Retry-After": "1"}),
              b"werkzeug": exceptions.TooManyRequests("bad", retry_after=1),
              b"aiohttp": web.HTTPTooManyRequests(reason="bad", headers={"Retry-After": "1"}),
          }[data]
    `);
    const server = await box.serve(script, { args: ["--port", "0", "--python", FRAMEWORKS] });
    for (const [name, status] of Object.entries({ fastapi: 422, starlette: 422, werkzeug: 429, aiohttp: 429 })) {
      const answer = await server.invoke(name);
      const problem = problemOf(answer);
      assert.equal(problem.status, status, name);
      assert.match(String(problem["message"]), /bad$/);
      assert.equal(answer.headers.get("retry-after"), "1", name);
    }
    await server.stop();
  },
  imports(FRAMEWORKS, "aiohttp"),
  imports(FRAMEWORKS, "fastapi"),
  imports(FRAMEWORKS, "starlette"),
  imports(FRAMEWORKS, "werkzeug"),
);
