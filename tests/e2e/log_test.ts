/** The log of `serve`: formats, levels, and the access log. */

import assert from "node:assert/strict";
import { until } from "./support/limits.ts";
import { RawConnection } from "./support/raw.ts";
import { echo, py, type Sandbox, test } from "./support/sandbox.ts";
import { Server } from "./support/server.ts";

const PRINTS = echo(py`
  def predict(data, model):
      print("asked", flush=True)
      return data
`);

/** Starts a server with a JSON log. */
async function serve(box: Sandbox, ...args: string[]): Promise<Server> {
  const module = box.module({ "serve.py": PRINTS });
  const program = box.start(["serve", "--port", "0", ...args, module, "serve.py", box.root], {
    env: { AIMODELLIB_LOG_FORMAT: undefined },
  });
  await program.stderr.waitFor(/Ready: POST /);
  const [, url] = /Listening on (http:[^;]+);/.exec(program.stderr.text)!;
  return Server.at(program, url!);
}

const records = (server: Server) => server.log.trim().split("\n").map((line) => JSON.parse(line));

test("without a terminal, each line of the log is JSON", async (box) => {
  const server = await serve(box);
  await server.invoke("a");
  await until("the script's line is there", () => server.log.includes("asked"));
  const all = records(server);
  const ready = all.find(({ message }) => message.startsWith("Worker 1 is ready"));
  assert.deepEqual([ready.level, ready.logger, ready.worker, typeof ready.pid], ["info", "supervisor", 1, "number"]);
  assert.ok(!Number.isNaN(Date.parse(ready.time)));
  const { time: _, ...line } = all.find(({ message }) => message === "asked");
  assert.deepEqual(line, { level: "info", logger: "worker", message: "asked", worker: 1 });
  await server.stop();
});

test("--access-log logs each request with the id that its answer contains", async (box) => {
  const server = await serve(box, "--access-log");
  const trace = "0af7651916cd43dd8448eb211c80319c";
  const own = await server.invoke("a", { "x-request-id": "my-id.1", traceparent: `00-${trace}-b7ad6b7169203331-01` });
  assert.equal(own.headers.get("x-request-id"), "my-id.1");
  const made = await server.request("/nowhere?secret=1", { headers: { "x-request-id": "not an id" } });
  assert.match(made.headers.get("x-request-id")!, /^[0-9a-f]{12}-\d+$/);
  const failed = await server.request("/invocations", { method: "GET" });
  assert.equal(failed.status, 405);
  const lines = () => records(server).filter(({ logger }) => logger === "access");
  await until("all are logged", () => lines().length === 3);
  const [first, second, third] = lines();
  assert.deepEqual([first.method, first.path, first.status, first.request_id, first.trace_id], [
    "POST",
    "/invocations",
    200,
    "my-id.1",
    trace,
  ]);
  assert.equal(typeof first.ms, "number");
  assert.deepEqual([second.path, second.status, second.request_id], [
    "/nowhere",
    404,
    made.headers.get("x-request-id"),
  ]);
  assert.equal(third.status, 405);
  // Lines that wait are written before the end.
  await server.invoke("a", { "x-request-id": "last" });
  await server.stop();
  assert.equal(lines().at(-1).request_id, "last");
});

test("--access-log logs malformed and unauthorized requests, which are also counted", async (box) => {
  for (const more of [[], ["--access-log"]]) {
    box.write({ tokens: "0123456789abcdef0123\n0123456789abcdef0124 metrics\n" });
    const server = await serve(box, "--token-file", box.path("tokens"), ...more);
    const ids: unknown[] = [];
    const refused = async (head: string) => {
      using client = await RawConnection.open(server.port);
      await client.send(head);
      const answer = await client.receive();
      ids.push(answer!.headers.get("x-request-id"));
      return answer!.status;
    };
    assert.equal(await refused("GET /a?secret=1 HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"), 400);
    assert.equal(await refused("\x16\x03\x01\x00\n"), 400);
    assert.equal(await refused(`GET /${"x".repeat(70_000)} HTTP/1.1\r\nHost: h\r\n\r\n`), 414);
    assert.equal(await refused("GET / HTTP/1.9\r\nHost: h\r\n\r\n"), 505);
    assert.equal(await refused("GET /openapi.json HTTP/1.1\r\nHost: h\r\n\r\n"), 401);
    assert.equal(new Set(ids).size, 5);
    assert.ok(ids.every((id) => typeof id === "string"));
    const authorization = "Bearer 0123456789abcdef0124";
    const { text } = await server.request("/metrics", { headers: { authorization } });
    for (const [status, count] of [[400, 2], [414, 1], [505, 1], [401, 1]]) {
      assert.ok(text.includes(`aimodellib_requests_total{route="other",status="${status}"} ${count}\n`), text);
    }
    const lines = () => records(server).filter(({ logger }) => logger === "access");
    await until("all are logged", () => lines().length === (more.length === 0 ? 0 : 6));
    if (more.length > 0) {
      assert.deepEqual(lines().slice(0, 5).map(({ method, path, status }) => [method, path.slice(0, 10), status]), [
        ["GET", "/a", 400],
        ["-", "-", 400],
        ["GET", "/xxxxxxxxx", 414],
        ["GET", "/", 505],
        ["GET", "/openapi.j", 401],
      ]);
      assert.deepEqual(lines().slice(0, 5).map(({ request_id }) => request_id), ids);
      assert.ok(lines().every(({ path, ms }) => path.length <= 256 && typeof ms === "number"));
    }
    await server.stop();
  }
});

test("--log-level and --log-format apply as options and as variables", async (box) => {
  const server = await box.serve(PRINTS, {
    args: ["--port", "0", "--log-format", "text"],
    env: { AIMODELLIB_LOG_FORMAT: "json" },
  });
  assert.match(server.log, /^\d{4}-.*Z INFO Listening on/);
  await server.stop();
  const words = ["serve", "--port", "0", box.module({ "serve.py": PRINTS }), "serve.py", box.root];
  const bad = await box.run(words, { env: { AIMODELLIB_LOG_LEVEL: "loud" } });
  assert.equal(bad.code, 2);
  assert.match(bad.stderr, /^Error: AIMODELLIB_LOG_LEVEL must be one of debug, info, warning, error, not 'loud'$/m);
  const port = (() => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    return listener.addr.port;
  })();
  const quiet = box.start(words.with(2, String(port)), { env: { AIMODELLIB_LOG_LEVEL: "error" } });
  const url = `http://127.0.0.1:${port}`;
  await until("it answers", () => fetch(`${url}/ping`).then(async (r) => (await r.text(), r.ok), () => false));
  assert.equal(await (await fetch(`${url}/invocations`, { method: "POST", body: "a" })).text(), "a");
  await quiet.stderr.waitFor(/asked/);
  quiet.kill("SIGTERM");
  assert.equal((await quiet.finished()).stderr, "[worker 1] asked\n");
});
