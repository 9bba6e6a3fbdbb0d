import assert from "node:assert/strict";
import { POINTS, pointsOf, quantile, sizesOf, stepOf } from "../../../../src/web/console/watch/series.ts";

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
  assert.deepEqual([last.batch, last.batchP90], [2, 2]);
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

Deno.test("sizesOf() adds up batches by the range of their sizes", () => {
  const limits = [1, 2, 4, 1024];
  const second = (t: number, counts: number[], sum: number) => ({ t, batches: { counts, sum } });
  assert.deepEqual(sizesOf([second(1, [0, 3, 2, 1], 7), { t: 2 }, second(3, [2, 1, 4, 5], 9004)], limits), {
    batches: 10,
    mean: 901.1,
    ranges: [
      { name: "1", batches: 3 },
      { name: "2", batches: 0 },
      { name: "3–4", batches: 2 },
      { name: "5–1,024", batches: 0 },
      { name: "over 1,024", batches: 5 },
    ],
  });
  assert.deepEqual(sizesOf([{ t: 1 }], limits), { batches: 0, mean: undefined, ranges: [] });
});

Deno.test("pointsOf() has the size that 90 % of the batches have at most", () => {
  const p90 = (...counts: number[]) =>
    pointsOf([{ t: 1, batches: { counts, sum: 1 } }], { latency: [], batches: [1, 2, 4] }).at(-1)!.batchP90;
  assert.deepEqual([p90(0, 9, 2, 1), p90(0, 8, 2, 2), p90(0, 1), p90(3, 5), p90()], [1, 4, 1, 4, undefined]);
});
