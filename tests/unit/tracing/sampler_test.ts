import assert from "node:assert/strict";
import { randomSpanId, randomTraceId } from "../../../src/tracing/ids.ts";
import { sampler } from "../../../src/tracing/sampler.ts";

const SAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const UNSAMPLED = SAMPLED.replace(/01$/, "02");

Deno.test("sampler() compares the last 64 bits of a trace id with the ratio", () => {
  const half = sampler({ ratio: 0.5, followsParent: false });
  assert.ok(half("ffffffffffffffff7fffffffffffffff", undefined));
  assert.ok(!half("00000000000000008000000000000000", undefined));
  assert.ok(!sampler({ ratio: 0, followsParent: false })("0".repeat(31) + "1", undefined));
  assert.ok(sampler({ ratio: 1, followsParent: false })("f".repeat(32), undefined));
});

Deno.test("sampler() follows the client's decision only if it is to", () => {
  const id = SAMPLED.slice(3, 35);
  assert.ok(sampler({ ratio: 0, followsParent: true })(id, SAMPLED));
  assert.ok(!sampler({ ratio: 1, followsParent: true })(id, UNSAMPLED));
  assert.ok(!sampler({ ratio: 0, followsParent: false })(id, SAMPLED));
  assert.ok(sampler({ ratio: 1, followsParent: false })(id, UNSAMPLED));
});

Deno.test("sampler() takes the configured share of random ids", () => {
  const one = sampler({ ratio: 0.1, followsParent: true });
  let taken = 0;
  for (let count = 0; count < 20_000; count++) if (one(randomTraceId(), undefined)) taken++;
  // 2000 expected; the standard deviation is 42.
  assert.ok(taken > 1500 && taken < 2500, String(taken));
});

Deno.test("ids are hexadecimal, of the right length, and differ", () => {
  const ids = Array.from({ length: 1000 }, () => randomTraceId());
  assert.ok(ids.every((id) => /^(?!0+$)[0-9a-f]{32}$/.test(id)));
  assert.equal(new Set(ids).size, 1000);
  assert.match(randomSpanId(), /^(?!0+$)[0-9a-f]{16}$/);
});
