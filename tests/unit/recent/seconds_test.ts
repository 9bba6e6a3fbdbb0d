import assert from "node:assert/strict";
import { Histogram, SECONDS, SIZES } from "../../../src/observability/metrics.ts";
import type { Counters } from "../../../src/recent/counters.ts";
import { KEPT, SecondsRing } from "../../../src/recent/seconds.ts";

/** A model whose counters a test sets. */
class FakeModel {
  statuses: [status: number, count: number][] = [];
  latency = new Histogram(SECONDS);
  predict = new Histogram(SECONDS);
  sizes = new Histogram(SIZES);
  now = { queued: 0, busy: 0, ready: 2 };

  constructor(readonly name: string) {}

  readonly gauges = () => this.now;

  readonly count = (into: Counters): void => {
    for (const [status, count] of this.statuses) into.addStatus(status, count);
    into.addLatency(this.latency);
    into.addStage("predict", this.predict);
    into.addBatches(this.sizes);
  };
}

Deno.test("SecondsRing tells what happened within each second, and leaves out what did not", () => {
  const model = new FakeModel("iris");
  model.statuses = [[200, 7]];
  const ring = new SecondsRing([model]);
  ring.add(100);
  model.statuses = [[200, 9], [302, 1], [404, 2], [502, 3], [499, 4]];
  for (const ms of [2, 2, 80]) model.latency.observe(ms / 1000);
  model.latency.observe(99);
  model.predict.observe(0.25);
  model.predict.observe(0.5);
  model.sizes.observe(4);
  model.now = { queued: 5, busy: 2, ready: 1 };
  ring.add(101);
  model.now = { queued: 0, busy: 0, ready: 0 };
  ring.add(103);
  assert.deepEqual(ring.since("iris", 0, ring.last), [
    { t: 100, ready: 2 },
    {
      t: 101,
      answers: [3, 2, 3, 4],
      latency: { counts: [4, 2, 9, 1, 18, 1], sum: 99.083999634 },
      stages: { predict: [2, 0.75] },
      batches: { counts: [2, 1], sum: 4 },
      queued: 5,
      busy: 2,
      ready: 1,
    },
    { t: 103 },
  ]);
  assert.deepEqual(ring.newest(), { iris: { t: 103 } });
});

Deno.test("SecondsRing counts a model that was opened again from zero", () => {
  const model = new FakeModel("iris");
  const ring = new SecondsRing([model]);
  for (let i = 0; i < 5; i++) model.predict.observe(1);
  ring.add(1);
  model.predict = new Histogram(SECONDS);
  for (let i = 0; i < 2; i++) model.predict.observe(1);
  ring.add(2);
  assert.deepEqual(ring.since("iris", 0, 2).map(({ stages }) => stages?.predict), [[5, 5], [2, 2]]);
});

Deno.test("SecondsRing keeps the last 15 minutes of each model", () => {
  const models = [new FakeModel("a"), new FakeModel("b")];
  const ring = new SecondsRing(models);
  for (let t = 1; t <= 30_000; t++) {
    models[1]!.statuses = [[200, t]];
    ring.add(t);
  }
  assert.deepEqual([ring.last, ring.forgotten], [30_000, 30_000 - KEPT]);
  for (const [name, answers] of [["a", undefined], ["b", [1, 0, 0, 0]]] as const) {
    const seconds = ring.since(name, 0, ring.last);
    assert.deepEqual(seconds.map(({ t }) => t), Array.from({ length: KEPT }, (_, i) => 30_000 - KEPT + 1 + i));
    assert.ok(seconds.every((second) => JSON.stringify(second.answers) === JSON.stringify(answers)));
  }
  assert.equal(ring.since("a", 29_990, 29_995).length, 5);
});
