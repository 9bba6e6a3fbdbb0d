import assert from "node:assert/strict";
import { appWith, askRaw, problemIn } from "../helper/app.ts";
import { FakePool } from "../helper/fake_pool.ts";
import { CapturedLogs } from "../helper/logs.ts";

for (const path of ["/nothing", "/invocations/", "/ping/x", "/healthz", "/favicon.ico"]) {
  Deno.test(`the application answers 404 when the path is ${path}`, async () => {
    assert.deepEqual(await problemIn(await appWith(new FakePool()).request(path)), {
      type: "about:blank",
      title: "Not Found",
      status: 404,
      detail: `No route matches '${path}'`,
    });
  });
}

Deno.test("the application passes bytes on at a platform's path, even if the Open Inference Protocol has the same path", async () => {
  const pool = new FakePool();
  const path = "/v2/models/digits/infer";
  const response = await appWith(pool, [], { predictRoute: path }).request(path, { method: "POST", body: "any bytes" });
  assert.equal(response.status, 200);
  assert.equal(pool.asked.length, 1);
});

for (
  const [path, allow, methods] of [
    ["/invocations", "POST", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"]],
    ["/ping", "GET, HEAD", ["POST", "PUT", "DELETE"]],
    ["/health/ready", "GET, HEAD", ["POST"]],
    ["/health/live", "GET, HEAD", ["POST"]],
    ["/", "GET, HEAD", ["POST", "DELETE"]],
  ] as const
) {
  for (const method of methods) {
    Deno.test(`the application answers 405 with Allow to ${method} ${path}`, async () => {
      const pool = new FakePool();
      const response = await appWith(pool).request(path, { method });
      assert.equal(response.headers.get("allow"), allow);
      assert.deepEqual(await problemIn(response), {
        type: "about:blank",
        title: "Method Not Allowed",
        status: 405,
        detail: `'${path}' does not support ${method}, only ${allow}`,
      });
      assert.deepEqual(pool.asked, []);
    });
  }
}

for (const method of ["post", "Post", "BREW", "TRACE"]) {
  Deno.test(`the application answers 405 to ${method} /invocations`, async () => {
    const pool = new FakePool();
    const { status, headers } = await askRaw(pool, `${method} /invocations HTTP/1.1\r\nHost: h\r\n\r\n`);
    assert.deepEqual([status, headers["allow"]], [405, "POST"]);
    assert.deepEqual(pool.asked, []);
  });
}

Deno.test("the application treats methods as case-sensitive", async () => {
  assert.equal((await askRaw(new FakePool(), "get /ping HTTP/1.1\r\nHost: h\r\n\r\n")).status, 405);
});

for (const target of ["/%6detrics", "/metrics%2f", "//metrics", "/metrics;a", "/METRICS", "http://h//metrics"]) {
  Deno.test(`the application answers 404 when the target is ${target}`, async () => {
    assert.equal((await askRaw(new FakePool(), `GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`)).status, 404);
  });
}

Deno.test("the application routes an absolute URL by its path, whatever its host is", async () => {
  for (const host of ["h", "h:1", "", "[::1]", "a%zz"]) {
    const said = host === "" ? "/ping" : `http://${host}/ping?a`;
    assert.equal((await askRaw(new FakePool(), `GET ${said} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).status, 200);
  }
});

Deno.test("the application answers 405 without a body to HEAD /invocations", async () => {
  const response = await appWith(new FakePool()).request("/invocations", { method: "HEAD" });
  assert.equal(response.status, 405);
  assert.equal(response.headers.get("allow"), "POST");
  assert.equal(await response.text(), "");
});

Deno.test("the application ignores the query when it chooses a route", async () => {
  assert.equal((await appWith(new FakePool()).request("/ping?a=b")).status, 200);
});

Deno.test("the application answers 500 to an internal error, and logs the reason, which the answer does not contain", async () => {
  using logs = new CapturedLogs();
  const pool = new FakePool(() => {
    throw new TypeError("a bug with /secret/path in it");
  });
  const response = await appWith(pool).request("/invocations", { method: "POST", body: "x" });
  const problem = await problemIn(response);
  assert.equal(problem["status"], 500);
  assert.equal(problem["detail"], "An internal error occurred; the server's log has the details");
  assert.match(logs.lines[0]!, /^ERROR A request failed: TypeError: a bug with \/secret\/path in it\n +at /);
});
