import assert from "node:assert/strict";
import { interval, median } from "../../../scripts/bench/numbers.ts";
import { numbers } from "../helper/random.ts";

function chance(seed: number): () => number {
  const stream = numbers(seed);
  return () => stream.next().value;
}

Deno.test("median() returns the middle value, the upper one of two, and NaN for no values", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 3, 2]), 3);
  assert.ok(Number.isNaN(median([])));
});

Deno.test("interval() is a single number when all values are equal", () => {
  assert.deepEqual(interval([[1, 1], [1]], chance(1)), { low: 1, high: 1 });
});

Deno.test("interval() contains the true median of noisy values, and narrows with more values", () => {
  const random = chance(2);
  const measured = (rounds: number) =>
    interval(Array.from({ length: rounds }, () => Array.from({ length: 10 }, () => 0.8 + random() * 0.4)), random);
  const [few, many] = [measured(5), measured(100)];
  for (const { low, high } of [few, many]) assert.ok(low < 1 && 1 < high && low >= 0.8 && high <= 1.2);
  assert.ok(many.high - many.low < (few.high - few.low) / 2);
});

Deno.test("interval() reflects the variation between rounds, however many values each round has", () => {
  const rounds = [0.9, 1, 1.1].map((value) => new Array(1000).fill(value));
  assert.deepEqual(interval(rounds, chance(3)), { low: 0.9, high: 1.1 });
});
