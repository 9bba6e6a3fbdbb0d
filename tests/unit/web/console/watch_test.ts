import assert from "node:assert/strict";
import { POINTS, pointsOf, quantile, stepOf } from "../../../../src/web/console/watch/series.ts";

const BOUNDS = { latency: [0.01, 0.1, 1], batches: [1, 2] };

Deno.test("pointsOf() gathers seconds into points, the newest last", () => {
  const points = pointsOf(
    [
      { t: 1, answers: [1, 0, 0, 0] },
      { t: 991, answers: [10, 2, 1, 3], latency: { counts: [0, 1, 1, 3], sum: 0.2 }, queued: 4, busy: 1 },
      { t: 992, answers: [20, 0, 0, 0], stages: { predict: [4, 0.02] }, batches: { counts: [1, 2], sum: 4 } },
    ],
    BOUNDS,
  );
  assert.equal(points.length, POINTS);
  const last = points.at(-1)!;
  assert.deepEqual([last.t, points[0]!.t], [995, 995 - (POINTS - 1) * 5]);
  assert.deepEqual([last.ok, last.refused, last.failed, last.queued, last.busy], [15, 2.5, 0.5, 4, 1]);
  assert.deepEqual(last.stages, [undefined, undefined, 5, undefined]);
  assert.equal(last.batch, 2);
  assert.ok(last.p50! > 10 && last.p50! < 100 && last.p99! > last.p50!);
  assert.deepEqual([points.at(-2)!.ok, points.at(-2)!.p50], [undefined, undefined]);
});

Deno.test("pointsOf() has a point for each second as long as there are few", () => {
  const seconds = [{ t: 100, answers: [1, 0, 0, 0] as const }, { t: 101 }];
  assert.equal(stepOf(seconds), 1);
  assert.deepEqual(pointsOf(seconds, BOUNDS).slice(-3).map(({ t, ok }) => [t, ok]), [[99, undefined], [100, 1], [
    101,
    0,
  ]]);
  assert.equal(pointsOf([], BOUNDS).length, POINTS);
});

Deno.test("quantile() spreads the values of a bucket evenly", () => {
  assert.equal(quantile([], BOUNDS.latency, 0.5), undefined);
  assert.equal(quantile([10], BOUNDS.latency, 0.5), 5);
  assert.equal(quantile([1, 1], BOUNDS.latency, 1), 100);
  assert.equal(quantile([0, 0, 0, 5], BOUNDS.latency, 0.5), 1000, "the last bucket has no upper bound");
});
