import assert from "node:assert/strict";
import fc from "fast-check";
import { Backoff } from "../../src/backoff.ts";

const whole = { random: () => 0 };

Deno.test("next() doubles the pause up to the longest when every try fails at once", () => {
  const backoff = new Backoff({ ...whole, firstMs: 100, maxMs: 1000 });
  assert.deepEqual([0, 0, 0, 0, 0, 0].map((upMs) => backoff.next(upMs)), [100, 200, 400, 800, 1000, 1000]);
});

Deno.test("next() starts with 0.1 s and ends with 30 s by default", () => {
  const backoff = new Backoff(whole);
  assert.equal(backoff.next(0), 100);
  for (let i = 0; i < 2000; i++) backoff.next(0);
  assert.equal(backoff.next(0), 30_000);
});

Deno.test("next() starts over only when the last try worked for ten times the pause before it", () => {
  const backoff = new Backoff({ ...whole, firstMs: 10 });
  backoff.next(0);
  assert.equal(backoff.next(0), 20);
  assert.equal(backoff.next(199), 40);
  assert.equal(backoff.next(400), 10);
  assert.equal(backoff.next(99), 20);
  assert.equal(backoff.next(200), 10);
});

Deno.test("next() subtracts a random part of up to a quarter", () => {
  assert.equal(new Backoff({ random: () => 1, firstMs: 100 }).next(0), 75);
  fc.assert(fc.property(fc.array(fc.nat(100_000)), (ups) => {
    const backoff = new Backoff({ firstMs: 100, maxMs: 5000 });
    for (const upMs of ups) {
      const pause = backoff.next(upMs);
      assert.ok(pause >= 75 && pause <= 5000);
    }
  }));
});
