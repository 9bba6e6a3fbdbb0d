import assert from "node:assert/strict";
import { capacity } from "../../../scripts/bench/capacity.ts";

const SITE = { http: 20, worker: 10, predict: 190, workers: 2, processors: 16 };

Deno.test("the slowest stage decides how many requests a server answers", () => {
  assert.deepEqual(capacity(SITE), { rate: 10_000, limit: "workers" });
  assert.deepEqual(capacity({ ...SITE, workers: 11 }), { rate: 50_000, limit: "HTTP process" });
  assert.deepEqual(capacity({ ...SITE, workers: 8, processors: 2 }), { rate: 2e6 / 220, limit: "processors" });
});

Deno.test("the HTTP process is the limit when workers / predict exceeds what it can carry", () => {
  assert.equal(capacity({ ...SITE, workers: 9 }).limit, "workers");
  assert.equal(capacity({ ...SITE, workers: 10 }).rate, 50_000);
});
