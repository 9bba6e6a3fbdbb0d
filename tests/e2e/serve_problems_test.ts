/** Problem responses of `aimodellib serve`: for exceptions of the script, and for malformed requests. */

import assert from "node:assert/strict";
import { pattern } from "./support/bytes.ts";
import { until } from "./support/limits.ts";
import { onOneServer } from "./support/one_server.ts";
import { RawConnection } from "./support/raw.ts";
import { echo, test } from "./support/sandbox.ts";
import { FAILING } from "./support/scripts.ts";
import { problemOf } from "./support/server.ts";

const failing = onOneServer((box) => box.serve(FAILING));

failing(
  "serve answers with a problem without a stack trace, and logs the traceback, when the script raises an exception",
  async (server) => {
    const before = server.log.length;
    for (
      const [body, status, title, member, argument] of [
        ["deserialize", 400, "Bad Request", "deserialize", "3"],
        ["predict", 500, "Internal Server Error", "predict", "4"],
        ["serialize", 500, "Internal Server Error", "serialize", "5"],
      ] as const
    ) {
      const answer = await server.invoke(body);
      assert.equal(answer.status, status);
      assert.deepEqual(problemOf(answer), {
        type: "about:blank",
        title,
        status,
        detail: `${member}() raised ValueError: größer als ${argument}`,
        stage: member,
        exception: "ValueError",
        message: `größer als ${argument}`,
      });
      assert.doesNotMatch(answer.text, /secret/);
    }
    await until(
      "the last traceback is logged",
      () => server.log.slice(before).includes("  ValueError: größer als 5\n"),
    );
    const log = server.log.slice(before);
    assert.equal([...log.matchAll(/^ {2}Traceback \(most recent call last\):$/gm)].length, 3);
    assert.equal([...log.matchAll(/serve\.py", line \d+, in secret$/gm)].length, 3);
    assert.equal([...log.matchAll(/^ {2}ValueError: größer als [345]$/gm)].length, 3);
    assert.doesNotMatch(log, /_bridge/);
  },
);

failing("serve keeps the worker when the script raises SystemExit or the like", async (server) => {
  for (const [body, exception] of [["exit", "SystemExit"], ["silent", "KeyError"], ["long", "ValueError"]] as const) {
    const answer = await server.invoke(body);
    assert.equal(answer.status, 500);
    assert.equal(problemOf(answer)["exception"], exception);
  }
  assert.equal((await server.invoke("x")).text, "x");
  assert.equal(server.workersReady, 1);
});

failing("serve answers 406 when serialize returns None", async (server) => {
  const answer = await server.invoke("x", { accept: "image/png" });
  assert.equal(answer.status, 406);
  assert.match(problemOf(answer).detail, /image\/png/);
  assert.equal((await server.invoke("x", { accept: "text/plain" })).status, 200);
});

failing("serve answers 500 and logs why when serialize returns a value that can't be sent", async (server) => {
  for (
    const [body, expected] of [
      ["odd", /serialize\(\) must return \(bytes, content type\) or None; it returned bytes/],
      ["text", /it returned \(str, str\)/],
      ["header", /can't be a Content-Type/],
      ["longheader", /content type/],
    ] as const
  ) {
    const answer = await server.invoke(body);
    assert.equal(answer.status, 500, body);
    assert.match(problemOf(answer).detail, expected);
    assert.equal(answer.headers.get("x-evil"), null);
    await until(`the log says so too (${body})`, () => expected.test(server.log));
  }
  assert.equal((await server.invoke("x")).status, 200);
  assert.equal(server.workersReady, 1);
});

const echoing = onOneServer((box) => box.serve(echo()));

echoing("serve answers 404 to an unknown path, and 405 with Allow to an unknown method", async (server) => {
  for (const path of ["/nothing", "/invocations/", "/ping/x", "/health/x", "/%2e%2e/etc/passwd", "//ping"]) {
    const answer = await server.request(path);
    assert.equal(answer.status, 404, path);
    problemOf(answer);
  }
  for (
    const [path, method, allow] of [
      ["/invocations", "GET", "POST"],
      ["/invocations", "PUT", "POST"],
      ["/invocations", "DELETE", "POST"],
      ["/ping", "POST", "GET, HEAD"],
      ["/health/ready", "DELETE", "GET, HEAD"],
      ["/health/live", "PATCH", "GET, HEAD"],
    ] as const
  ) {
    const answer = await server.request(path, { method });
    assert.deepEqual([answer.status, answer.headers.get("allow")], [405, allow], `${method} ${path}`);
    problemOf(answer);
  }
  const head = await server.request("/invocations", { method: "HEAD" });
  assert.deepEqual([head.status, head.headers.get("allow"), head.bytes.length], [405, "POST", 0]);
});

echoing("serve answers 400 to input that is not HTTP/1.1, and continues", async (server) => {
  for (
    const text of [
      "GARBAGE\r\n\r\n",
      "GET\r\n\r\n",
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
      "POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: many\r\n\r\n",
      "POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
      "GET /ping HTTP/1.1\r\nHost x\r\n\r\n",
    ]
  ) {
    using connection = await RawConnection.open(server.port);
    await connection.send(text);
    assert.equal((await connection.receive())?.status, 400, JSON.stringify(text));
  }
  for (let i = 0; i < 50; i++) {
    using connection = await RawConnection.open(server.port);
    await connection.send(pattern(1 + i * 7, i)).catch(() => {});
  }
  assert.equal((await server.invoke("x")).text, "x");
});

test("serve does not execute a request when its chunks are malformed", async (box) => {
  const server = await box.serve(echo("def predict(data, model):\n  print('executed', len(data))\n  return data\n"));
  using connection = await RawConnection.open(server.port);
  await connection.send(
    "POST /invocations HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\nzz\r\n",
  );
  const answer = await connection.receive();
  assert.ok(answer === undefined || answer.status === 400, JSON.stringify(answer));
  assert.equal((await server.invoke("xyz")).status, 200);
  await server.stop();
  assert.deepEqual(server.printed, ["executed 3"]);
});
