import assert from "node:assert/strict";
import { bind } from "../../../../src/http/bind.ts";
import { listen } from "../../../../src/http/listen.ts";
import type { Outcome } from "../../../../src/supervisor/mod.ts";
import { appWith, problemIn } from "../../helper/app.ts";
import { pattern, text, utf8 } from "../../helper/bytes.ts";
import { FakePool, result } from "../../helper/fake_pool.ts";
import { LocalServer } from "../../helper/http_server.ts";
import { CapturedLogs } from "../../helper/logs.ts";

/** Posts a body, and returns the response. */
async function post(pool: FakePool, init: RequestInit = {}, hosts: readonly string[] = []): Promise<Response> {
  return await appWith(pool, hosts).request("/invocations", { method: "POST", ...init });
}

Deno.test("POST /invocations passes body and content types to the script, and answers 200 with its bytes and content type", async () => {
  const answer = pattern(500, 1);
  const pool = new FakePool(() => result(answer, "image/png"));
  const body = pattern(400, 2);
  const response = await post(pool, {
    body,
    headers: { "content-type": 'text/csv; header="présent"', accept: "image/png, */*;q=0.1" },
  });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "image/png");
  assert.deepEqual(await response.bytes(), answer);
  assert.deepEqual(pool.asked, [
    { metadata: { content_type: 'text/csv; header="présent"', accept: "image/png, */*;q=0.1" }, body },
  ]);
});

Deno.test("POST /invocations defaults to application/octet-stream and */* without headers", async () => {
  const pool = new FakePool();
  await post(pool, { body: utf8("bytes") });
  assert.deepEqual(pool.asked, [
    { metadata: { content_type: "application/octet-stream", accept: "*/*" }, body: utf8("bytes") },
  ]);
});

Deno.test("POST /invocations passes on an empty body when there is none", async () => {
  const pool = new FakePool(() => result(new Uint8Array(0), "application/json"));
  const response = await post(pool);
  assert.deepEqual(pool.asked[0]?.body, new Uint8Array(0));
  assert.equal(response.status, 200);
  assert.deepEqual(await response.bytes(), new Uint8Array(0));
});

Deno.test("POST /invocations keeps the headers of requests apart when very many differ", async () => {
  const pool = new FakePool();
  const app = appWith(pool);
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 300; i++) {
      await app.request("/invocations", {
        method: "POST",
        headers: { "content-type": `text/x${i}`, accept: `a/${i}` },
      });
    }
  }
  assert.deepEqual(
    pool.asked.map(({ metadata }) => metadata),
    Array.from({ length: 600 }, (_, i) => ({ content_type: `text/x${i % 300}`, accept: `a/${i % 300}` })),
  );
});

for (
  const [what, outcome, expected] of [
    ["406 when the script has no acceptable format", {
      kind: "error",
      error: { reason: "not_acceptable", message: "serialize() has no format that fits 'image/png'" },
    }, { title: "Not Acceptable", status: 406, detail: "serialize() has no format that fits 'image/png'" }],
    ["400 with the exception when deserialize() raises", {
      kind: "error",
      error: { reason: "exception", stage: "deserialize", type: "JSONDecodeError", message: "line 1" },
    }, {
      title: "Bad Request",
      status: 400,
      detail: "deserialize() raised JSONDecodeError: line 1",
      stage: "deserialize",
      exception: "JSONDecodeError",
      message: "line 1",
    }],
    ["500 with the exception when predict() raises", {
      kind: "error",
      error: { reason: "exception", stage: "predict", type: "RuntimeError", message: "no" },
    }, {
      title: "Internal Server Error",
      status: 500,
      detail: "predict() raised RuntimeError: no",
      stage: "predict",
      exception: "RuntimeError",
      message: "no",
    }],
    ["502 when the worker died with the request", { kind: "lost", cause: "exit code 1" }, {
      title: "Bad Gateway",
      status: 502,
      detail: "The worker that executed this request died (exit code 1); the request is not retried",
    }],
  ] as [string, Outcome, Record<string, unknown>][]
) {
  Deno.test(`POST /invocations answers ${what}`, async () => {
    const response = await post(new FakePool(() => outcome), { body: "x" });
    assert.deepEqual(await problemIn(response), { type: "about:blank", ...expected });
  });
}

for (const cause of ["loading", "stopping", "full", "timeout"] as const) {
  Deno.test(`POST /invocations answers 503 with Retry-After when the pool refuses with ${cause}`, async () => {
    const response = await post(new FakePool(() => ({ kind: "refused", cause })), { body: "x" });
    assert.equal(response.headers.get("retry-after"), "1");
    assert.equal((await problemIn(response))["status"], 503);
  });
}

Deno.test("POST /invocations answers 413 without a worker when Content-Length is over the limit", async () => {
  const pool = new FakePool();
  const response = await post(pool, { body: pattern(1001), headers: { "content-length": "1001" } });
  assert.deepEqual(await problemIn(response), {
    type: "about:blank",
    title: "Content Too Large",
    status: 413,
    detail: "The body is larger than the limit of 1000 bytes (--max-body)",
  });
  assert.deepEqual(pool.asked, []);
});

Deno.test("POST /invocations answers 413 without a worker when an endless stream exceeds the limit", async () => {
  const pool = new FakePool();
  const endless = new ReadableStream({ pull: (controller) => controller.enqueue(pattern(300)) });
  const response = await post(pool, { body: endless });
  assert.equal((await problemIn(response))["status"], 413);
  assert.deepEqual(pool.asked, []);
});

Deno.test("POST /invocations answers 200 at the limit and 413 over it to a real client, with and without a length", async () => {
  const { handle } = appWith(new FakePool(({ body }) => result(`${body.length}`)));
  const server = listen(bind({ host: "127.0.0.1", port: 0 }), { handle, readTimeoutMs: 60_000 });
  const url = `${server.url}/invocations`;
  for (const [length, status] of [[1000, 200], [1001, 413]] as const) {
    for (const body of [pattern(length), new Blob([pattern(length)]).stream()]) {
      const response = await fetch(url, { method: "POST", body });
      assert.equal(response.status, status);
      if (status === 200) assert.equal(await response.text(), `${length}`);
      else assert.equal((await problemIn(response))["status"], 413);
    }
  }
  await server.drain();
});

Deno.test("POST /invocations answers 431 without a worker when the headers do not fit in a frame", async () => {
  const pool = new FakePool();
  const app = appWith(pool);
  const send = (accept: string) => app.request("/invocations", { method: "POST", headers: { accept } });
  const others = JSON.stringify({ content_type: "application/octet-stream", accept: "" }).length + 1 + 4096;
  assert.equal((await send("a".repeat(0xffff - others))).status, 200);
  assert.equal(pool.asked.length, 1);
  assert.deepEqual(await problemIn(await send("a".repeat(0xffff - others + 1))), {
    type: "about:blank",
    title: "Request Header Fields Too Large",
    status: 431,
    detail: "The headers Content-Type and Accept are too long",
  });
  assert.equal(pool.asked.length, 1);
});

for (const contentType of ["text/plain\r\nx: y", "text/pläin €"]) {
  Deno.test(`POST /invocations answers 500 when the script returns the content type ${JSON.stringify(contentType)}`, async () => {
    using logs = new CapturedLogs();
    const response = await post(new FakePool(() => result("x", contentType)), { body: "x" });
    const problem = await problemIn(response);
    assert.equal(problem["status"], 500);
    assert.equal(problem["detail"], `serialize() returned '${contentType}', which can't be a Content-Type`);
    assert.equal(response.headers.get("x"), null);
    assert.equal(logs.lines.length, 1);
    assert.ok(logs.lines[0]!.includes("which can't be a Content-Type"));
  });
}

Deno.test("POST /invocations logs braces in a content type literally", async () => {
  using logs = new CapturedLogs();
  await post(new FakePool(() => result("x", "{x}\ny")), { body: "x" });
  assert.ok(logs.lines[0]!.startsWith("ERROR serialize() returned '{x}"), logs.lines[0]);
});

Deno.test("POST /invocations fetches the input and posts the output when the body is a URI list", async () => {
  await using server = new LocalServer((path) =>
    path === "/in" ? new Response("3,4", { headers: { "content-type": "text/csv" } }) : new Response("stored")
  );
  const pool = new FakePool(({ body }) => result(`sum of ${text(body)}`, "text/x-sum"));
  const response = await post(pool, {
    body: `${server.url("/in")}\r\n${server.url("/out")}\r\n`,
    headers: { "content-type": "text/uri-list", accept: "text/x-sum" },
  }, ["127.0.0.1"]);
  assert.equal(response.status, 200);
  assert.equal(await response.text(), `Output written to '${server.url("/out")}'\n`);
  assert.deepEqual(pool.asked, [{ metadata: { content_type: "text/csv", accept: "text/x-sum" }, body: utf8("3,4") }]);
  assert.deepEqual(server.requests.map(({ method, path, type, body }) => [method, path, type, body]), [
    ["GET", "/in", null, ""],
    ["POST", "/out", "text/x-sum", "sum of 3,4"],
  ]);
});

Deno.test("POST /invocations posts nothing when the script raises an exception for the input of a URI list", async () => {
  await using server = new LocalServer(() => new Response("in"));
  const error = { reason: "exception", stage: "predict", type: "ValueError", message: "" } as const;
  const response = await post(new FakePool(() => ({ kind: "error", error })), {
    body: `${server.url("/in")}\r\n${server.url("/out")}`,
    headers: { "content-type": "text/uri-list" },
  }, ["127.0.0.1"]);
  assert.equal((await problemIn(response))["status"], 500);
  assert.deepEqual(server.requests.map(({ path }) => path), ["/in"]);
});

Deno.test("POST /invocations answers 403 and connects to nothing when URI lists are off or the host is not allowed", async () => {
  await using server = new LocalServer(() => new Response("in"));
  const pool = new FakePool();
  const init = { body: `${server.url("/in")}\r\n${server.url("/out")}`, headers: { "content-type": "text/uri-list" } };
  for (const hosts of [[], ["example.com"]]) {
    assert.equal((await problemIn(await post(pool, init, hosts)))["status"], 403);
  }
  assert.deepEqual(server.requests, []);
  assert.deepEqual(pool.asked, []);
});

Deno.test("POST /invocations keeps headers and content types apart when two requests alternate", async () => {
  const pool = new FakePool();
  const app = appWith(pool);
  const types = ["text/plain", "text/event-stream", "text/plain", "a\nb", "a\nb", "text/event-stream", "text/plain"];
  using _ = new CapturedLogs();
  for (const [i, type] of types.entries()) {
    pool.answer = () => result("answer", type);
    const headers = { "content-type": `text/${i % 2}`, accept: `text/${i % 3}` };
    const response = await app.request("/invocations", { method: "POST", headers });
    await response.body?.cancel();
    assert.deepEqual([response.status, response.headers.get("cache-control")], [
      type.includes("\n") ? 500 : 200,
      type === "text/event-stream" ? "no-cache" : null,
    ]);
    if (response.ok) assert.equal(response.headers.get("content-type"), type);
    assert.deepEqual(pool.asked.at(-1)?.metadata, { content_type: headers["content-type"], accept: headers.accept });
  }
});
