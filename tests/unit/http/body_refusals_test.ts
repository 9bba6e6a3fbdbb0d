import assert from "node:assert/strict";
import { BodyRefusals } from "../../../src/http/body_refusals.ts";
import { BodyBudget } from "../../../src/http/h1/budget.ts";
import { FakeClock } from "../helper/fake_clock.ts";
import { CapturedLogs } from "../helper/logs.ts";

Deno.test("BodyRefusals logs the first request that a budget refuses, then how many there were", () => {
  using clock = new FakeClock();
  using logs = new CapturedLogs();
  const reason = "the bodies of all requests in flight take nearly 100 bytes (--max-body-memory)";
  {
    using refusals = new BodyRefusals(100);
    const budget = new BodyBudget(100, () => refusals.add());
    budget.take(60);
    for (let i = 0; i < 1000; i++) assert.throws(() => budget.take(41), { status: 503 });
    budget.take(40);
    assert.deepEqual(logs.lines, [`WARNING A request was refused: ${reason}`]);
    assert.deepEqual(logs.records[0]!.properties, { cause: "memory", limit: 100 });
    clock.advance(10_000);
    assert.deepEqual(logs.lines.slice(1), [`WARNING 999 more requests were refused: ${reason}`]);
    assert.throws(() => budget.take(1));
  }
  assert.deepEqual(logs.lines.slice(2), [`WARNING Another request was refused: ${reason}`]);
  assert.deepEqual(clock.pending, []);
});
