import assert from "node:assert/strict";
import { appWith, problemIn } from "../../helper/app.ts";
import { FakePool } from "../../helper/fake_pool.ts";
import { VERSION } from "../../../../src/version.ts";

const KNOWN = { served: { digits: { archive: "digits.tar.gz", script: "serve.py" } }, version: VERSION };

for (const path of ["/ping", "/health", "/health/ready"]) {
  Deno.test(`GET ${path} answers 200 when a worker is ready`, async () => {
    const response = await appWith(new FakePool()).request(path);
    assert.equal(response.status, 200);
    assert.match(response.headers.get("content-type") ?? "", /^application\/json/);
    assert.deepEqual(await response.json(), { status: "ready", workers: { ready: 2, expected: 2 }, ...KNOWN });
  });

  Deno.test(`GET ${path} answers 200 with the state when some workers are not ready`, async () => {
    const pool = new FakePool();
    pool.state = "degraded";
    const response = await appWith(pool).request(path);
    assert.equal(response.status, 200);
    assert.deepEqual(await response.json(), { status: "degraded", workers: { ready: 1, expected: 2 }, ...KNOWN });
  });

  for (const state of ["loading", "restarting", "stopping"] as const) {
    Deno.test(`GET ${path} answers 503 with Retry-After in the state ${state}`, async () => {
      const pool = new FakePool();
      pool.state = state;
      const response = await appWith(pool).request(path);
      assert.equal(response.headers.get("retry-after"), "1");
      assert.deepEqual(await problemIn(response), {
        type: "about:blank",
        title: "Service Unavailable",
        status: 503,
        detail: `The model is not ready: ${state}`,
        state,
      });
    });
  }

  Deno.test(`HEAD ${path} answers with the status of GET without a body, with and without a ready worker`, async () => {
    const pool = new FakePool();
    const app = appWith(pool);
    const ready = await app.request(path, { method: "HEAD" });
    assert.equal(ready.status, 200);
    assert.equal(await ready.text(), "");
    pool.state = "loading";
    const loading = await app.request(path, { method: "HEAD" });
    assert.equal(loading.status, 503);
    assert.equal(loading.headers.get("retry-after"), "1");
    assert.equal(await loading.text(), "");
  });
}

Deno.test("GET /ping reports each change of the pool's state", async () => {
  const pool = new FakePool();
  const app = appWith(pool);
  const statuses: number[] = [];
  for (const state of ["loading", "ready", "restarting", "ready", "stopping"] as const) {
    pool.state = state;
    statuses.push((await app.request("/ping")).status);
  }
  assert.deepEqual(statuses, [503, 200, 503, 200, 503]);
});

Deno.test("GET /health/live answers 200 in every state of the pool", async () => {
  const pool = new FakePool();
  const app = appWith(pool);
  for (const state of ["loading", "ready", "restarting", "stopping"] as const) {
    pool.state = state;
    const response = await app.request("/health/live");
    assert.equal(response.status, 200);
    assert.deepEqual(await response.json(), { status: "live" });
  }
});
