import assert from "node:assert/strict";
import { randomSpanId, traceIdAt, unsampledTraceparent } from "../../../src/tracing/ids.ts";
import { sampler } from "../../../src/tracing/sampler.ts";

const SAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const UNSAMPLED = SAMPLED.replace(/01$/, "02");
const parentOf = (traceId: string) => `00-${traceId}-b7ad6b7169203331-00`;

Deno.test("sampler() compares the last 64 bits of a trace id with the ratio", () => {
  const half = sampler({ ratio: 0.5, followsParent: false });
  assert.ok(half.joins(parentOf("ffffffffffffffff7fffffffffffffff")));
  assert.ok(!half.joins(parentOf("00000000000000008000000000000000")));
  assert.ok(!sampler({ ratio: 0, followsParent: false }).joins(parentOf("0".repeat(31) + "1")));
  assert.ok(sampler({ ratio: 1, followsParent: false }).joins(parentOf("f".repeat(32))));
});

Deno.test("sampler() follows the client's decision only if it is to", () => {
  assert.ok(sampler({ ratio: 0, followsParent: true }).joins(SAMPLED));
  assert.ok(!sampler({ ratio: 1, followsParent: true }).joins(UNSAMPLED));
  assert.ok(!sampler({ ratio: 0, followsParent: false }).joins(SAMPLED));
  assert.ok(sampler({ ratio: 1, followsParent: false }).joins(UNSAMPLED));
});

Deno.test("sampler() begins the configured share of traces, which programs with the same ratio sample as well", () => {
  const { begin, joins } = sampler({ ratio: 0.1, followsParent: false });
  const ids = Array.from({ length: 20_000 }, begin).filter((id) => id !== undefined);
  // 2000 expected; the standard deviation is 42.
  assert.ok(ids.length > 1500 && ids.length < 2500, String(ids.length));
  assert.ok(ids.every((id) => /^(?!0+$)[0-9a-f]{32}$/.test(id)));
  assert.equal(new Set(ids).size, ids.length);
  assert.ok(ids.every((id) => joins(parentOf(id))));
  assert.equal(sampler({ ratio: 0, followsParent: true }).begin(), undefined);
  assert.equal(sampler({ ratio: 1, followsParent: true }).begin()?.length, 32);
});

Deno.test("traces that are not sampled have different ids, which programs with a ratio don't sample", () => {
  const all = Array.from({ length: 1000 }, unsampledTraceparent);
  assert.ok(all.every((one) => /^00-[0-9a-f]{32}-(?!0+-)[0-9a-f]{16}-00$/.test(one)));
  assert.equal(new Set(all).size, 1000);
  const { joins } = sampler({ ratio: 0.9999, followsParent: false });
  assert.ok(!all.some(joins));
});

Deno.test("ids have the right length", () => {
  assert.match(traceIdAt(0), /^[0-9a-f]{16}0{13}[0-9a-f]{3}$/);
  assert.match(traceIdAt(1 - 2 ** -53), /^[0-9a-f]{16}f{13}[0-9a-f]{3}$/);
  assert.match(randomSpanId(), /^(?!0+$)[0-9a-f]{16}$/);
});
