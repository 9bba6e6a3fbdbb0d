import assert from "node:assert/strict";
import { OomEvidence } from "../../../src/bridge/oom_evidence.ts";

Deno.test("OomEvidence attributes each OOM kill to one of the processes that ran then", () => {
  let kills = 1_000_000;
  const count = () => kills;
  const [first, second, third] = [new OomEvidence(count), new OomEvidence(count), new OomEvidence(count)];
  assert.equal(first.claim(), false);
  kills++;
  assert.equal(first.claim(), true);
  assert.equal(second.claim(), false, "it is known to be the first one's");
  kills += 2;
  assert.deepEqual([second.claim(), third.claim()], [true, true]);
  kills++;
  assert.equal(new OomEvidence(count).claim(), false, "that was before it was started");
});

Deno.test("OomEvidence attributes nothing when the system does not count kills", () => {
  assert.equal(new OomEvidence(() => undefined).claim(), false);
});
