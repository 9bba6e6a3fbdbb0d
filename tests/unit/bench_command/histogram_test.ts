import assert from "node:assert/strict";
import fc from "fast-check";
import { Histogram } from "../../../src/bench/histogram.ts";

/** Returns a quantile by its definition: the time at a rank of all sorted times. */
function exact(times: readonly number[], share: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil(share * sorted.length - 1e-9)) - 1]!;
}

function histogramOf(times: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const time of times) histogram.record(time);
  return histogram;
}

const times = fc.array(
  fc.oneof(fc.double({ min: 0, max: 5, noNaN: true }), fc.double({ min: 0, max: 2e6, noNaN: true })),
  {
    minLength: 1,
    maxLength: 300,
  },
);

Deno.test("a quantile differs from the exact one by less than 0.4 %, or 1 µs", () => {
  fc.assert(fc.property(times, fc.constantFrom(0, 0.5, 0.9, 0.99, 0.999, 1), (times, share) => {
    const right = exact(times, share);
    const found = histogramOf(times).quantile(share);
    assert.ok(Math.abs(found - right) <= Math.max(0.001, right * 0.004), `${found} is not ${right}`);
  }));
});

Deno.test("count, minimum, maximum and mean are exact", () => {
  fc.assert(fc.property(times, (times) => {
    const histogram = histogramOf(times);
    assert.equal(histogram.count, times.length);
    assert.deepEqual([histogram.min, histogram.max], [Math.min(...times), Math.max(...times)]);
    assert.ok(Math.abs(histogram.mean - times.reduce((a, b) => a + b) / times.length) <= 1e-9 * histogram.max);
  }));
});

Deno.test("the bars contain all times in order, and end at the longest", () => {
  fc.assert(
    fc.property(times, fc.integer({ min: 1, max: 20 }), (times, most) => {
      const bars = histogramOf(times).bars(most);
      assert.ok(bars.length <= most);
      assert.equal(bars.reduce((sum, { count }) => sum + count, 0), times.length);
      assert.equal(bars.at(-1)!.upToMs, Math.max(...times));
      assert.ok(bars.every(({ upToMs }, index) => index === 0 || upToMs >= bars[index - 1]!.upToMs));
    }),
    { examples: [[[0.0010200000000000003, 0], 2]] },
  );
});

Deno.test("an empty histogram has no quantile and no bars", () => {
  const empty = new Histogram();
  assert.deepEqual([empty.count, empty.quantile(0.5), empty.min, empty.max, empty.mean], [0, NaN, NaN, NaN, NaN]);
  assert.deepEqual(empty.bars(5), []);
});

Deno.test("add() equals a histogram that recorded the times of both", () => {
  const [a, b] = [[0.1, 3, 900], [2, 2, 1e5]];
  const sum = histogramOf(a);
  sum.add(histogramOf(b));
  assert.deepEqual(sum, histogramOf([...a, ...b]));
});
