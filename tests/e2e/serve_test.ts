/** `aimodellib serve`, with the executable and a real Python. */

import assert from "node:assert/strict";
import { equalBytes, pattern, random } from "./support/bytes.ts";
import { sleep, until } from "./support/limits.ts";
import { HAS_IPV6 } from "./support/needs.ts";
import { isAlive } from "./support/processes.ts";
import { RawConnection } from "./support/raw.ts";
import { BIN, echo, py, test } from "./support/sandbox.ts";
import { problemOf } from "./support/server.ts";

const MIB = 2 ** 20;

/** Answers with the content type and the accepted types that it was given, as JSON. */
const DESCRIBE = echo(py`
  import json
  def deserialize(data, content_type="application/octet-stream", logger=None):
      return {"content_type": content_type, "bytes": len(data), "type": type(data).__name__}
  def serialize(data, accepted="*/*", logger=None):
      return json.dumps({**data, "accepted": accepted}).encode(), "application/json"
`);

/** Takes as many seconds for a request as its body says. */
const SLOW = echo(py`
  import os, time
  def predict(data, model, logger=None):
      time.sleep(float(data))
      return b"after %s s in process %d" % (data, os.getpid())
`);

// Health.

test("serve answers 503 until load has returned, and 200 from then on", async (box) => {
  const server = await box.serve(
    echo(py`
      import os, time
      def load(model_dir, logger=None):
          while not os.path.exists(model_dir + "/go"):
              time.sleep(0.01)
    `),
    { waitForReady: false },
  );
  for (const path of ["/ping", "/health/ready"]) {
    const answer = await server.request(path);
    assert.equal(answer.status, 503);
    assert.equal(answer.headers.get("retry-after"), "1");
    assert.equal(problemOf(answer)["state"], "loading");
  }
  assert.equal((await server.request("/health/live")).status, 200);
  const early = await server.invoke("x");
  assert.equal(early.status, 503);
  assert.match(problemOf(early).detail, /still loading/);

  box.write({ "model/go": "" });
  await server.program.stderr.waitFor(/Ready: POST /);
  for (const path of ["/ping", "/health/ready", "/health/live"]) {
    assert.equal((await server.request(path)).status, 200, path);
  }
  const answer = await server.invoke("x");
  assert.deepEqual([answer.status, answer.text], [200, "x"]);
  await server.stop();
});

test("serve ends at once, and well, when SIGTERM comes while it loads", async (box) => {
  const server = await box.serve(
    echo("import time\ndef load(model_dir):\n  print('loading')\n  time.sleep(300)\n"),
    { waitForReady: false },
  );
  await server.program.stderr.waitFor(/loading$/);
  await server.stop();
});

test("serve answers HEAD like GET without a body when it is asked for health", async (box) => {
  const server = await box.serve(echo());
  for (const path of ["/ping", "/health/ready", "/health/live", "/"]) {
    const answer = await server.request(path, { method: "HEAD" });
    assert.deepEqual([answer.status, answer.bytes.length], [200, 0], path);
  }
  using connection = await RawConnection.open(server.port);
  for (let i = 0; i < 3; i++) {
    await connection.send("HEAD /ping HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert.equal((await connection.receive({ toHead: true }))?.status, 200);
  }
  await server.stop();
});

// Requests and answers.

test("serve tells the script the defaults of the specification when a request has no headers", async (box) => {
  const server = await box.serve(DESCRIBE);
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
  await server.stop();
});

test("serve hands Content-Type and Accept to the script as they were sent when a request has them", async (box) => {
  const server = await box.serve(DESCRIBE);
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
  // More than are kept encoded on either side.
  for (let i = 0; i < 600; i++) {
    const { text } = await server.invoke("abc", { "content-type": `text/x-${i}`, accept: `text/y-${i}` });
    const { content_type, accepted } = JSON.parse(text);
    assert.deepEqual([content_type, accepted], [`text/x-${i}`, `text/y-${i}`]);
  }
  await server.stop();
});

test("serve takes the answer's content type from serialize when it differs from one request to the next", async (box) => {
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

for (
  const [what, replaced] of [
    ["functions without a logger", "def load(d): return 2\ndef predict(data, model): return data * model\n"],
    [
      "functions with **kwargs",
      "def load(d, **kw): return 2\ndef deserialize(b, **kw): assert 'content_type' in kw; return b\n" +
      "def predict(data, model, **kw): return data * model\n",
    ],
    [
      "async functions",
      "import asyncio\nasync def load(d): return 2\nasync def predict(d, m):\n  await asyncio.sleep(0)\n  return d * m\n",
    ],
    [
      "an instance of a class",
      "class Model:\n  def load(self, d): self.factor = 2; return self.factor\n" +
      "  def deserialize(self, b, content_type): return b\n  def predict(self, d, m): return d * self.factor\n" +
      "  def serialize(self, d, accepted): return d, 'text/plain'\nmodel = Model()\n" +
      "del load, deserialize, predict, serialize\n",
    ],
  ] as const
) {
  test(`serve runs a script when it has ${what}`, async (box) => {
    const server = await box.serve(echo(replaced));
    const answer = await server.invoke("ab");
    assert.deepEqual([answer.status, answer.text], [200, "abab"]);
    await server.stop();
  });
}

test("serve gives load the absolute model directory and a logger when the path is relative", async (box) => {
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

test("serve logs what the script and its children print, tagged and in order, when it prints", async (box) => {
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

// Problems.

const FAILING = echo(py`
  def secret(value):
      raise ValueError("größer als " + value)
  def deserialize(data, content_type="application/octet-stream", logger=None):
      if data == b"deserialize":
          secret("3")
      return data
  def predict(data, model, logger=None):
      if data == b"predict":
          secret("4")
      if data == b"exit":
          raise SystemExit(3)
      if data == b"silent":
          raise KeyError
      if data == b"long":
          raise ValueError("é" * 1_000_000)
      return data
  def serialize(data, accepted="*/*", logger=None):
      if data == b"serialize":
          secret("5")
      if data == b"odd":
          return data
      if data == b"text":
          return "text", "text/plain"
      if data == b"header":
          return data, "text/plain\r\nX-Evil: 1"
      if data == b"longheader":
          return data, "x" * 100_000
      if accepted == "image/png":
          return None
      return data, "text/plain"
`);

test("serve answers a problem without a stack trace, and logs the traceback, when the script raises", async (box) => {
  const server = await box.serve(FAILING);
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
  await server.stop();
  const { log } = server;
  assert.equal([...log.matchAll(/^ {2}Traceback \(most recent call last\):$/gm)].length, 3);
  assert.equal([...log.matchAll(/serve\.py", line \d+, in secret$/gm)].length, 3);
  assert.equal([...log.matchAll(/^ {2}ValueError: größer als [345]$/gm)].length, 3);
  assert.doesNotMatch(log, /_bridge/);
});

test("serve goes on in the same worker when the script raises what ends other programs", async (box) => {
  const server = await box.serve(FAILING);
  for (const [body, exception] of [["exit", "SystemExit"], ["silent", "KeyError"], ["long", "ValueError"]] as const) {
    const answer = await server.invoke(body);
    assert.equal(answer.status, 500);
    assert.equal(problemOf(answer)["exception"], exception);
  }
  assert.equal((await server.invoke("x")).text, "x");
  assert.equal(server.workersReady, 1);
  await server.stop();
});

test("serve answers 406 when serialize returns None", async (box) => {
  const server = await box.serve(FAILING);
  const answer = await server.invoke("x", { accept: "image/png" });
  assert.equal(answer.status, 406);
  assert.match(problemOf(answer).detail, /image\/png/);
  assert.equal((await server.invoke("x", { accept: "text/plain" })).status, 200);
  await server.stop();
});

test("serve answers 500 and logs why when serialize returns what can't be sent", async (box) => {
  const server = await box.serve(FAILING);
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
  await server.stop();
});

test("serve answers 404, and 405 with Allow, when there is nothing for a path or a method", async (box) => {
  const server = await box.serve(echo());
  for (const path of ["/nothing", "/invocations/", "/ping/x", "/health", "/%2e%2e/etc/passwd", "//ping"]) {
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
  await server.stop();
});

test("serve answers 400, and goes on, when what comes is no HTTP that it speaks", async (box) => {
  const server = await box.serve(echo());
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
  await server.stop();
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

// Limits.

test("serve answers 413 when a body is over --max-body, by Content-Length or in chunks, and takes one that is not", async (box) => {
  const server = await box.serve(echo(), { args: ["--port", "0", "--max-body", "100k"] });
  const limit = 100 * 1024;
  assert.ok(equalBytes((await server.invoke(pattern(limit))).bytes, pattern(limit)));
  const answer = await server.invoke(pattern(limit + 1));
  assert.equal(answer.status, 413);
  assert.match(problemOf(answer).detail, /102400 bytes \(--max-body\)/);

  const chunked = await server.invoke(chunks(limit + 1, 10_000));
  assert.equal(chunked.status, 413);
  problemOf(chunked);
  const fitting = await server.invoke(chunks(limit, 10_000));
  assert.deepEqual([fitting.status, fitting.bytes.length], [200, limit]);

  // What is declared is refused before it is sent, and what never ends is refused at the limit.
  using declared = await RawConnection.open(server.port);
  await declared.send("POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n");
  assert.equal((await declared.receive())?.status, 413);
  using endless = await RawConnection.open(server.port);
  await endless.send("POST /invocations HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
  const sending = (async () => {
    for (let i = 0; i < 10_000; i++) await endless.send(`400\r\n${"x".repeat(1024)}\r\n`);
  })().catch(() => {});
  assert.equal((await endless.receive())?.status, 413);
  endless[Symbol.dispose]();
  await sending;
  assert.equal((await server.invoke("x")).text, "x");
  await server.stop();
});

test("serve answers 413 when a body is over 100 MiB and --max-body is not set", async (box) => {
  const server = await box.serve(echo());
  for (const [length, status] of [[100 * MIB + 1, 413], [2 ** 40, 413]] as const) {
    using connection = await RawConnection.open(server.port);
    await connection.send(`POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n\r\n`);
    assert.equal((await connection.receive())?.status, status);
  }
  await server.stop();
});

test("serve answers 431 when Content-Type and Accept together are over 64 KiB", async (box) => {
  const server = await box.serve(echo());
  const answer = await server.invoke("x", { "content-type": "a".repeat(40_000), accept: "b".repeat(40_000) });
  assert.equal(answer.status, 431);
  assert.equal((await server.invoke("x")).status, 200);
  await server.stop();
});

// Where it listens.

/** A port that was free a moment ago. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

for (
  const [what, args, more] of [
    ["behind model_dir", [], ["{port}"]],
    ["as --port", ["--port", "{port}"], []],
    ["twice and is the same", ["--port", "{port}"], ["{port}"]],
  ] as const
) {
  test(`serve listens on the port when it is given ${what}`, async (box) => {
    const port = String(freePort());
    const fill = (words: readonly string[]) => words.map((word) => word.replace("{port}", port));
    const server = await box.serve(echo(), { args: fill(args), more: fill(more) });
    assert.equal(server.url, `http://127.0.0.1:${port}`);
    assert.equal((await server.request("/ping")).status, 200);
    await server.stop();
  });
}

test("serve takes a free port and says which when the port is 0", async (box) => {
  const first = await box.serve(echo(), { args: [], more: ["0"] });
  const second = await box.serve(echo());
  assert.notEqual(first.port, 0);
  assert.notEqual(first.port, second.port);
  assert.match(first.log, new RegExp(`Ready: POST ${first.url}/invocations`));
  assert.equal((await second.invoke("x")).text, "x");
  await first.stop();
  await second.stop();
});

test("serve ends with 2 and one line when the port is taken, and starts no Python", async (box) => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const module = box.module({ "serve.py": `open("${box.path("imported")}", "w")\n` });
  const { code, stdout, stderr } = await box.run(["serve", module, "serve.py", box.root, String(listener.addr.port)]);
  assert.deepEqual({ code, stdout }, { code: 2, stdout: "" });
  assert.match(stderr, /^Error: Can't listen on 127\.0\.0\.1:\d+: .*choose another port with --port[^\n]*\n$/);
  assert.throws(() => Deno.statSync(box.path("imported")), Deno.errors.NotFound);
});

test("serve ends with 2 and one line when it can't listen on the host", async (box) => {
  const module = box.module({ "serve.py": echo() });
  for (const host of ["192.0.2.1", "no.such.host.invalid"]) {
    const { code, stderr } = await box.run(["serve", "--port", "0", "--host", host, module, "serve.py", box.root]);
    assert.equal(code, 2);
    assert.match(stderr, new RegExp(`^Error: Can't listen on ${host}:0: [^\n]*\n$`));
  }
});

for (
  const [args, more, expected] of [
    [["--port", "65536"], [], /65535|65536/],
    [["--port", "-1"], [], /port/i],
    [[], ["eighty"], /eighty/],
    [["--port", "1"], ["2"], /^Error: Two ports are given, --port 1 and 2/],
    [["--max-body", "big"], [], /Expected a size such as.*100MiB.*big/],
    [["--drain-timeout", "0"], [], /seconds above 0/],
    [["--unknown"], [], /--unknown/],
    [[], ["8080", "extra"], /extra/],
  ] as const
) {
  test(`serve ends with 2 and says why when its words are ${[...args, "…", ...more].join(" ")}`, async (box) => {
    const module = box.module({ "serve.py": echo() });
    const { code, stdout, stderr } = await box.run(["serve", ...args, module, "serve.py", box.root, ...more]);
    assert.deepEqual({ code, stdout }, { code: 2, stdout: "" }, stderr);
    assert.match(stderr, expected);
  });
}

for (const host of ["::1", "[::1]"]) {
  test(`serve listens on IPv6 when --host is ${host}`, async (box) => {
    const server = await box.serve(echo(), { args: ["--port", "0", "--host", host] });
    assert.match(server.url, /^http:\/\/\[::1\]:\d+$/);
    assert.equal((await server.invoke("x")).text, "x");
    await assert.rejects(Deno.connect({ hostname: "127.0.0.1", port: server.port }), "nothing else is opened");
    await server.stop();
  }, HAS_IPV6);
}

test("serve listens on all addresses when --host is 0.0.0.0, and on no other than 127.0.0.1 by default", async (box) => {
  const all = await box.serve(echo(), { args: ["--port", "0", "--host", "0.0.0.0"] });
  const local = await box.serve(echo());
  using connection = await RawConnection.open(all.port, "127.0.0.2");
  await connection.send("GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n");
  assert.equal((await connection.receive())?.status, 200);
  await assert.rejects(RawConnection.open(local.port, "127.0.0.2"));
  await all.stop();
  await local.stop();
});

// text/uri-list.

/** A host for inputs and outputs. */
function uriHost(): AsyncDisposable & { readonly url: string; readonly host: string; readonly posted: string[] } {
  const posted: string[] = [];
  const answer = async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url);
    if (pathname === "/redirect") return Response.redirect(new URL("/in", request.url), 302);
    if (pathname === "/missing") return new Response("no", { status: 404 });
    if (pathname === "/large") return new Response(chunks(300_000, 10_000));
    if (request.method === "GET") return new Response("from the input", { headers: { "content-type": "text/x-in" } });
    posted.push(`${pathname} ${request.headers.get("content-type")} ${await request.text()}`);
    return new Response(null, { status: 201 });
  };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, answer);
  const host = `127.0.0.1:${server.addr.port}`;
  const url = `http://${host}`;
  return { url, host, posted, [Symbol.asyncDispose]: () => server.shutdown() };
}

const URI_LIST = { "content-type": "text/uri-list" };

test("serve answers 403 and fetches nothing when a body is a text/uri-list and none is allowed", async (box) => {
  await using host = uriHost();
  const server = await box.serve(DESCRIBE);
  for (const contentType of ["text/uri-list", "text/uri-list; charset=utf-8", "TEXT/URI-LIST"]) {
    const answer = await server.invoke(`${host.url}/in\r\n${host.url}/out\r\n`, { "content-type": contentType });
    assert.equal(answer.status, 403);
    assert.match(problemOf(answer).detail, /--allow-uri-list/);
  }
  assert.deepEqual(host.posted, []);
  await server.stop();
});

test("serve fetches the input and posts the output when --allow-uri-list names their host", async (box) => {
  await using host = uriHost();
  const server = await box.serve(DESCRIBE, { args: ["--port", "0", "--allow-uri-list", `example.com,${host.host}`] });
  for (const body of [`${host.url}/in\r\n${host.url}/out?x=1\r\n`, `# both\n${host.url}/in\n\n${host.url}/out\n`]) {
    const answer = await server.invoke(body, { ...URI_LIST, accept: "text/x-out" });
    assert.equal(answer.status, 200, answer.text);
    assert.match(answer.text, /\/out/);
    const posted = host.posted.pop() ?? "";
    assert.match(posted, /^\/out application\/json /);
    assert.deepEqual(JSON.parse(posted.split(" ").slice(2).join(" ")), {
      content_type: "text/x-in",
      accepted: "text/x-out",
      bytes: 14,
      type: "bytes",
    });
  }
  await server.stop();
});

test("serve refuses a text/uri-list when a host is not named, a URI is none, or the input redirects", async (box) => {
  await using host = uriHost();
  await using other = uriHost();
  const server = await box.serve(FAILING, {
    args: ["--port", "0", "--allow-uri-list", host.host, "--max-body", "100k"],
  });
  for (
    const [input, output, status] of [
      [`${other.url}/in`, `${host.url}/out`, 403],
      [`${host.url}/in`, `${other.url}/out`, 403],
      [`http://localhost:${new URL(host.url).port}/in`, `${host.url}/out`, 403],
      [`http://user@169.254.169.254/in`, `${host.url}/out`, 403],
      [`${host.url}@169.254.169.254/in`, `${host.url}/out`, 403],
      [`file:///etc/passwd`, `${host.url}/out`, 400],
      [`/etc/passwd`, `${host.url}/out`, 400],
      [`${host.url}/in`, "", 400],
      [`${host.url}/in`, `${host.url}/out\r\n${host.url}/out`, 400],
      [`${host.url}/redirect`, `${host.url}/out`, 502],
      [`${host.url}/missing`, `${host.url}/out`, 502],
      [`${host.url}/in`, `${host.url}/missing`, 502],
      [`${host.url}/large`, `${host.url}/out`, 413],
      ["http://127.0.0.1:1/in", `${host.url}/out`, 403],
    ] as const
  ) {
    const answer = await server.invoke(`${input}\r\n${output}\r\n`, URI_LIST);
    assert.equal(answer.status, status, `${input} ${output}: ${answer.text}`);
    problemOf(answer);
  }
  assert.deepEqual([...host.posted, ...other.posted], []);
  const refused = await server.invoke(`${host.url}/in\r\n${host.url}/out`, { ...URI_LIST, accept: "image/png" });
  assert.equal(refused.status, 406);
  assert.deepEqual(host.posted, []);
  await server.stop();
});

// Bodies.

test("serve gives back every byte when bodies are empty, small, at the limits of its ways, and large", async (box) => {
  const server = await box.serve(echo());
  const sizes = [0, 1, 2, 1023, 16 * 1024, 16 * 1024 + 1, 32 * 1024 + 1];
  for (const edge of [64 * 1024, 128 * 1024, MIB, 16 * MIB]) sizes.push(edge - 1, edge, edge + 1);
  for (const size of sizes) {
    const body = pattern(size, size);
    const answer = await server.invoke(body);
    assert.equal(answer.status, 200);
    assert.ok(equalBytes(answer.bytes, body), `${size} bytes, got ${answer.bytes.length}`);
    assert.equal(Number(answer.headers.get("content-length")), size);
  }
  assert.equal(server.workersReady, 1);
  await server.stop();
});

test("serve gives back every byte when a body has 40 MiB, by Content-Length and in chunks", async (box) => {
  const server = await box.serve(echo());
  const body = pattern(40 * MIB, 40);
  const answer = await server.invoke(body);
  assert.ok(answer.status === 200 && equalBytes(answer.bytes, body));
  const chunked = await server.invoke(new Blob([body]).stream());
  assert.ok(chunked.status === 200 && equalBytes(chunked.bytes, body));
  await server.stop();
});

test("serve takes an empty body when it is sent without a length, and in no chunk", async (box) => {
  const server = await box.serve(DESCRIBE);
  for (const head of ["Content-Length: 0\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "\r\n"]) {
    using connection = await RawConnection.open(server.port);
    await connection.send(`POST /invocations HTTP/1.1\r\nHost: localhost\r\n${head}`);
    const answer = await connection.receive();
    assert.equal(answer?.status, 200);
    assert.equal(JSON.parse(answer.body).bytes, 0);
  }
  await server.stop();
});

test("serve answers all when 100 requests of 0 to 3 MiB come at the same time", async (box) => {
  const server = await box.serve(echo());
  const next = random(7);
  const sizes = Array.from({ length: 100 }, () => Math.floor(next() ** 3 * 3 * MIB));
  const results = await Promise.all(sizes.map(async (size, i) => {
    const body = pattern(size, i);
    const { status, bytes } = await server.invoke(body);
    return status === 200 && equalBytes(bytes, body);
  }));
  assert.deepEqual(results.map((ok, i) => ok ? null : sizes[i]).filter((size) => size !== null), []);
  assert.equal(server.workersReady, 1);
  await server.stop();
});

test("serve answers each with its own when 64 connections send 3,000 small requests", async (box) => {
  const server = await box.serve(echo());
  let next = 0;
  const wrong: string[] = [];
  await Promise.all(Array.from({ length: 64 }, async () => {
    for (let id = next++; id < 3_000; id = next++) {
      const { status, text } = await server.invoke(`request ${id}`);
      if (status !== 200 || text !== `request ${id}`) wrong.push(`${id}: ${status} ${text}`);
    }
  }));
  assert.deepEqual(wrong, []);
  await server.stop();
});

// Connections.

test("serve answers many requests on one connection, and pipelined ones in their order, when it is kept", async (box) => {
  const server = await box.serve(echo());
  using connection = await RawConnection.open(server.port);
  const post = (body: string) =>
    `POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  for (let i = 0; i < 50; i++) {
    await connection.send(post(`one ${i}`));
    assert.equal((await connection.receive())?.body, `one ${i}`);
  }
  await connection.send(Array.from({ length: 50 }, (_, i) => post(`many ${i}`)).join(""));
  for (let i = 0; i < 50; i++) assert.equal((await connection.receive())?.body, `many ${i}`);
  // Errors do not end the connection either.
  await connection.send("GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n");
  assert.equal((await connection.receive())?.status, 404);
  await connection.send(post("last").replace("Host: localhost", "Host: localhost\r\nConnection: close"));
  const rest = await connection.rest();
  assert.match(rest, /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nlast$/);
  await server.stop();
});

test("serve answers an HTTP/1.0 client and one that awaits 100 Continue", async (box) => {
  const server = await box.serve(echo());
  using old = await RawConnection.open(server.port);
  await old.send("POST /invocations HTTP/1.0\r\nContent-Length: 3\r\n\r\nold");
  assert.match(await old.rest(), /^HTTP\/1\.[01] 200 OK\r\n[\s\S]*\r\n\r\nold$/);
  using waiting = await RawConnection.open(server.port);
  await waiting.send(
    "POST /invocations HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
  );
  assert.equal((await waiting.receive())?.status, 100);
  await waiting.send("abc");
  assert.equal((await waiting.receive())?.body, "abc");
  await server.stop();
});

test("serve keeps its worker when clients leave in the middle of an upload or before the answer", async (box) => {
  const server = await box.serve(SLOW);
  const pid = server.workerPid;
  for (let i = 0; i < 20; i++) {
    using upload = await RawConnection.open(server.port);
    await upload.send("POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000\r\n\r\n");
    await upload.send(pattern(i * 50_000)).catch(() => {});
  }
  for (let i = 0; i < 20; i++) {
    using chunked = await RawConnection.open(server.port);
    await chunked.send(
      "POST /invocations HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\nabc",
    );
  }
  for (let i = 0; i < 20; i++) {
    using impatient = await RawConnection.open(server.port);
    await impatient.send("POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n0.05");
    await sleep(i);
  }
  const aborter = new AbortController();
  const aborted = fetch(`${server.url}/invocations`, { method: "POST", body: "0.5", signal: aborter.signal });
  await sleep(100);
  aborter.abort();
  await assert.rejects(aborted);
  const answer = await server.invoke("0");
  assert.equal(answer.text, `after 0 s in process ${pid}`);
  assert.doesNotMatch(server.log, /ERROR/);
  await server.stop();
});

test("serve answers others when clients upload slowly or hold idle connections", async (box) => {
  const server = await box.serve(echo());
  const connections = await Promise.all(Array.from({ length: 100 }, () => RawConnection.open(server.port)));
  for (const [i, connection] of connections.entries()) {
    if (i % 2 === 0) {
      await connection.send("POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nab");
    }
  }
  assert.equal((await server.invoke("quick")).text, "quick");
  // A slow one is answered when it has come to its end.
  const [slow] = connections;
  await slow!.send("c".repeat(998));
  assert.equal((await slow!.receive())?.body.length, 1000);
  for (const connection of connections) connection[Symbol.dispose]();
  await server.stop();
});

test("serve sends an answer whole when its client reads slowly", async (box) => {
  const server = await box.serve(echo("def predict(data, model): return bytes(int(data))\n"));
  using slow = await RawConnection.open(server.port);
  await slow.send(
    "POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8\r\nConnection: close\r\n\r\n20000000",
  );
  await sleep(300);
  const answers = await Promise.all(Array.from({ length: 20 }, () => server.invoke("10")));
  assert.ok(answers.every(({ status }) => status === 200), "others are answered meanwhile");
  const rest = await slow.rest();
  assert.equal(rest.length - rest.indexOf("\r\n\r\n") - 4, 20_000_000);
  await server.stop();
});

// What stops a start.

for (
  const [what, script, expected] of [
    ["is no Python", "def load(:", /SyntaxError/],
    [
      "raises when it is imported",
      "1 / 0",
      /Traceback[\s\S]*serve\.py", line 1[\s\S]*ZeroDivisionError: division by zero/,
    ],
    [
      "raises in load",
      echo("def load(model_dir):\n  raise OSError('no weights')\n"),
      /Traceback[\s\S]*in load[\s\S]*OSError: no weights[\s\S]*Error: load\(\) raised OSError: no weights\n$/,
    ],
    ["ends the process in load", echo("import os\ndef load(d): os._exit(9)\n"), /exit code 9/],
    ["raises SystemExit in load", echo("def load(d): raise SystemExit(4)\n"), /SystemExit/],
    ["crashes in load", echo("import ctypes\ndef load(d): ctypes.string_at(0)\n"), /Segmentation fault[\s\S]*SIGSEGV/],
    ["has no predict", echo("del predict"), /Error: '.*serve\.py' must define predict\(\); it defines only load, /],
    ["is empty", "", /must define load\(\), deserialize\(\), predict\(\), serialize\(\)/],
    [
      "has a predict that can't be called",
      echo("def predict(): pass"),
      /predict\(\) must be callable as predict\(data, model/,
    ],
  ] as const
) {
  test(`serve ends with 1 and says why when the script ${what}`, async (box) => {
    const module = box.module({ "serve.py": script });
    const { code, stdout, stderr } = await box.run(["serve", "--port", "0", module, "serve.py", box.root]);
    assert.deepEqual({ code, stdout }, { code: 1, stdout: "" }, stderr);
    assert.match(stderr, expected);
    assert.doesNotMatch(stderr, /started again/);
    if (!script.includes("ctypes")) assert.doesNotMatch(stderr, /_bridge/);
  });
}

test("serve ends with 2 and one line when the model directory, the module or the script is missing", async (box) => {
  box.module({ "serve.py": echo() }, "m");
  for (
    const [args, expected] of [
      [["m", "serve.py", "nowhere"], /^Error: The model directory 'nowhere' does not exist; train a model [^\n]*\n$/],
      [["n", "serve.py", "m"], /^Error: The module directory 'n' does not exist\n$/],
      [
        ["m", "srve.py", "m"],
        /^Error: There is no script 'srve.py' in the module directory 'm'; it holds 'serve.py'\n$/,
      ],
      [["m", "serve.py", "m/serve.py"], /^Error: [^\n]*m\/serve\.py[^\n]*\n$/],
    ] as const
  ) {
    const { code, stdout, stderr } = await box.run(["serve", "--port", "0", ...args]);
    assert.deepEqual({ code, stdout }, { code: 2, stdout: "" });
    assert.match(stderr, expected);
  }
});

// The end.

for (const name of ["SIGTERM", "SIGINT"] as const) {
  test(`serve answers what is in flight, accepts nothing new, and ends with 0 when ${name} comes`, async (box) => {
    const server = await box.serve(SLOW);
    const pid = server.workerPid;
    using idle = await RawConnection.open(server.port);
    const slow = Array.from({ length: 3 }, () => server.invoke("0.4"));
    await sleep(150);
    server.program.kill(name);
    await server.program.stderr.waitFor(/Stopping: /);
    await until("nothing is accepted", async () => {
      try {
        (await RawConnection.open(server.port))[Symbol.dispose]();
        return false;
      } catch {
        return true;
      }
    });
    for (const answer of await Promise.all(slow)) {
      assert.deepEqual([answer.status, answer.text], [200, `after 0.4 s in process ${pid}`]);
    }
    const { code } = await server.program.finished();
    assert.equal(code, 0);
    assert.equal(isAlive(pid), false);
    assert.equal(await idle.rest(), "", "connections that were kept are closed");
  });
}

test("serve ends at once when a second signal comes", async (box) => {
  const server = await box.serve(SLOW);
  const pid = server.workerPid;
  const slow = server.invoke("300").catch(() => undefined);
  await sleep(200);
  server.program.kill("SIGTERM");
  await server.program.stderr.waitFor(/Stopping: /);
  // Within a second, it would be the same stop.
  server.program.kill("SIGTERM");
  await sleep(1_100);
  assert.equal(server.program.isOver, false, "it waits for what is in flight");
  server.program.kill("SIGTERM");
  await server.program.finished(5_000);
  assert.notEqual((await slow)?.status, 200);
  await until("the worker is gone", () => !isAlive(pid), 2_000);
});

test("serve ends by force when requests take longer than --drain-timeout", async (box) => {
  const server = await box.serve(SLOW, { args: ["--port", "0", "--drain-timeout", "0.5"] });
  const pid = server.workerPid;
  const slow = server.invoke("300").catch(() => undefined);
  await sleep(200);
  server.program.kill("SIGTERM");
  await server.program.finished(10_000);
  assert.notEqual((await slow)?.status, 200);
  await until("the worker is gone", () => !isAlive(pid), 2_000);
});

test("serve ends what the script has started when it is stopped", async (box) => {
  const server = await box.serve(echo(py`
    import subprocess
    def load(model_dir):
        subprocess.Popen(["sleep", "300"])
        subprocess.Popen(["sleep", "300"], start_new_session=True)
  `));
  assert.ok(box.processes().filter(({ command }) => command === "sleep 300").length === 2);
  await server.stop();
  await until("no process is left", () => box.processes().length === 0, 2_000);
});

test("serve runs the script's exit handlers when it is stopped", async (box) => {
  const server = await box.serve(echo("import atexit\natexit.register(lambda: print('goodbye'))\n"));
  await server.stop();
  assert.deepEqual(server.printed, ["goodbye"]);
});

test("serve goes on when nobody reads its log any more", async (box) => {
  const module = box.module({ "serve.py": echo("def predict(data, model):\n  print('x' * 1000)\n  return data\n") });
  const port = freePort();
  const shell = `"$0" serve "$1" serve.py "$1" ${port} 2>&1 | head -n 2; sleep 300`;
  const program = box.start(["-c", shell, BIN, module], {
    command: "/bin/sh",
  });
  const url = `http://127.0.0.1:${port}`;
  const isReady = () => fetch(`${url}/ping`).then(async (r) => (await r.text(), r.ok), () => false);
  await until("it is ready", isReady);
  for (let i = 0; i < 200; i++) {
    const answer = await fetch(`${url}/invocations`, { method: "POST", body: `${i}` });
    assert.equal(await answer.text(), `${i}`);
  }
  for (const { pid, command } of box.processes()) if (command.includes(" serve ")) Deno.kill(pid, "SIGTERM");
  await until("the server ends", () => !box.processes().some(({ command }) => / serve |_bridge/.test(command)));
  for (const { pid } of box.processes()) Deno.kill(pid, "SIGKILL");
  await program.finished();
});

test("serve keeps two servers apart when they run side by side", async (box) => {
  const [a, b] = await Promise.all([
    box.serve(echo("def predict(d, m): return b'a' + d")),
    box.serve(echo("def predict(d, m): return b'b' + d")),
  ]);
  assert.deepEqual([(await a.invoke("x")).text, (await b.invoke("x")).text], ["ax", "bx"]);
  await a.stop();
  assert.equal((await b.invoke("y")).text, "by");
  await b.stop();
});

/** A body of unknown length. */
function chunks(length: number, size: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  let sent = 0;
  return new ReadableStream({
    pull(controller) {
      if (sent >= length) return controller.close();
      controller.enqueue(new Uint8Array(Math.min(size, length - sent)));
      sent += size;
    },
  });
}
