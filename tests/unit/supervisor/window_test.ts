import assert from "node:assert/strict";
import fc from "fast-check";
import { Window } from "../../../src/supervisor/window.ts";

/** A window that has observed `times` batches of `count` answers in `ms`. */
function after(times: number, count: number, ms: number, window = new Window()): Window {
  for (let i = 0; i < times; i++) window.observe(count, ms);
  return window;
}

Deno.test("size is 1 before the first answer", () => {
  assert.equal(new Window().size, 1);
});

Deno.test("size is one request and a millisecond's worth of others when all answers take equally long", () => {
  assert.equal(after(20, 1, 10).size, 1);
  assert.equal(after(20, 1, 1.1).size, 1);
  assert.equal(after(20, 1, 1).size, 2);
  assert.equal(after(20, 1, 0.6).size, 2);
  assert.equal(after(20, 1, 0.5).size, 3);
  assert.equal(after(20, 1, 0.1).size, 11);
  assert.equal(after(20, 10, 1).size, 11);
  assert.equal(after(20, 1, 0.001).size, 64);
  assert.equal(after(20, 1, 0).size, 64);
});

Deno.test("size does not change when one answer among fast ones is slow", () => {
  const window = after(15, 1, 0.1);
  window.observe(1, 5000);
  assert.equal(window.size, 11);
});

Deno.test("size falls to 1 when a fast model becomes slow, after eight of its last fifteen batches", () => {
  const window = after(30, 1, 0.1);
  after(7, 1, 100, window);
  assert.equal(window.size, 11);
  after(1, 1, 100, window);
  assert.equal(window.size, 1);
});

Deno.test("size is an integer from 1 to 64", () => {
  const observations = fc.array(
    fc.tuple(fc.integer({ min: 1, max: 64 }), fc.double({ min: 0, max: 1e6, noNaN: true })),
  );
  fc.assert(fc.property(observations, (batches) => {
    const window = new Window();
    for (const [count, ms] of batches) {
      window.observe(count, ms);
      assert.ok(Number.isInteger(window.size) && window.size >= 1 && window.size <= 64, String(window.size));
    }
  }));
});

Deno.test("size follows the median of the last fifteen batches", () => {
  const times = fc.array(fc.constantFrom(0, 0.01, 0.02, 0.05, 0.1, 0.11, 0.2, 0.5, 1, 3), { maxLength: 60 });
  fc.assert(fc.property(times, (all) => {
    const window = new Window();
    for (const [i, ms] of all.entries()) {
      window.observe(1, ms);
      const last = all.slice(Math.max(0, i - 14), i + 1).sort((a, b) => a - b);
      const median = last[last.length >> 1]!;
      assert.equal(window.size, Math.min(64, 1 + Math.floor(1 / median)));
    }
  }));
});
