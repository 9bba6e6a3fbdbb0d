import assert from "node:assert/strict";
import { Measures } from "../../../../src/supervisor/measures.ts";
import { appWith } from "../../helper/app.ts";
import { FakePool, result } from "../../helper/fake_pool.ts";

const pool = (name: string, state: FakePool["state"] = "ready") =>
  Object.assign(new FakePool(undefined, name), { state });

async function index(pools: readonly FakePool[], body: string): Promise<readonly [number, unknown]> {
  const response = await appWith(pools).request("/v2/repository/index", { method: "POST", body });
  return [response.status, await response.json()];
}

Deno.test("POST /v2/repository/index lists all models, or those that answer requests, with Triton's states", async () => {
  const pools = [pool("a"), pool("b", "degraded"), pool("c", "loading"), pool("d", "failed"), pool("e", "restarting")];
  const [, all] = await index(pools, "");
  const states = (all as readonly { name: string; state: string }[]).map(({ name, state }) => `${name} ${state}`);
  assert.deepEqual(states, ["a READY", "b READY", "c LOADING", "d UNAVAILABLE", "e LOADING"]);
  assert.deepEqual((await index(pools, '{"ready": false}'))[1], all);
  assert.deepEqual((await index(pools, '{"ready": true}'))[1], (all as readonly unknown[]).slice(0, 2));
});

for (const body of ["{", "[]", "null", "1", '{"ready": null}', '{"ready": "yes"}']) {
  Deno.test(`POST /v2/repository/index answers 400 with 'error' when the body is ${body}`, async () => {
    const [status, problem] = await index([pool("a")], body);
    assert.equal(status, 400);
    assert.match((problem as { error: string }).error, /^The body must be empty, or a JSON object/);
  });
}

Deno.test("POST /v2/repository/index answers 413 when the body is long", async () => {
  assert.equal((await index([pool("a")], `{"ready": true${" ".repeat(5000)}}`))[0], 413);
});

Deno.test("GET /v2/models/NAME/stats counts requests of all paths, and takes times from what is measured", async () => {
  const measures = new Measures();
  measures.queue.observe(0.5);
  const model = Object.assign(
    new FakePool(({ body }) => body.length > 0 ? result("1") : { kind: "refused", cause: "full" }),
    { measures },
  );
  const app = appWith(model);
  const ask = (path: string, body = "x") => app.request(path, { method: "POST", body });
  for (const path of ["/invocations", "/models/digits/invocations", "/v1/models/digits:predict"]) await ask(path);
  await ask("/invocations", "");
  await app.request("/ping");
  const { model_stats: [stats] } = await (await app.request("/v2/models/digits/stats")).json();
  const { inference_count, inference_stats: { success, fail, queue, compute_infer } } = stats;
  assert.deepEqual([inference_count, success.count, fail], [3, 3, { count: 1, ns: 0 }]);
  assert.ok(Number.isInteger(success.ns) && success.ns > 0);
  assert.deepEqual([queue, compute_infer], [{ count: 1, ns: 500_000_000 }, { count: 0, ns: 0 }]);
});

Deno.test("GET /v2/models/stats lists all models, and is the metadata of a model that is called so", async () => {
  const all = await (await appWith([pool("a"), pool("b")]).request("/v2/models/stats")).json();
  assert.deepEqual(all.model_stats.map(({ name }: { name: string }) => name), ["a", "b"]);
  const model = await (await appWith([pool("a"), pool("stats")]).request("/v2/models/stats")).json();
  assert.equal(model.name, "stats");
});

Deno.test("GET /v2/models/NAME/config answers 503 until the model is ready", async () => {
  const response = await appWith(pool("a", "loading")).request("/v2/models/a/config");
  assert.deepEqual([response.status, (await response.json()).error], [503, "The model is not ready: loading"]);
});
