import assert from "node:assert/strict";
import { VERSION } from "../../../../src/version.ts";
import { appWith } from "../../helper/app.ts";
import { FakePool } from "../../helper/fake_pool.ts";

Deno.test("GET / returns a page with the model's name, the state and the version", async () => {
  const pool = new FakePool();
  pool.state = "loading";
  const response = await appWith(pool).request("/");
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "text/html; charset=utf-8");
  assert.equal(response.headers.get("cache-control"), "no-store");
  assert.match(response.headers.get("content-security-policy") ?? "", /^default-src 'none';/);
  const page = await response.text();
  assert.ok(page.startsWith("<!doctype html><html"));
  for (const part of ["<h1>digits</h1>", 'data-state="loading"', `aimodellib ${VERSION}`]) {
    assert.ok(page.includes(part));
  }
});

Deno.test("GET / shows the current state each time", async () => {
  const pool = new FakePool();
  const app = appWith(pool);
  assert.ok((await (await app.request("/")).text()).includes('data-state="ready"'));
  pool.state = "restarting";
  assert.ok((await (await app.request("/")).text()).includes('data-state="restarting"'));
});

Deno.test("HEAD / returns the headers of GET without a body", async () => {
  const response = await appWith(new FakePool()).request("/", { method: "HEAD" });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "text/html; charset=utf-8");
  assert.equal(await response.text(), "");
});
