import assert from "node:assert/strict";
import { Ring } from "../../../src/recent/ring.ts";

Deno.test("Ring.after() returns what a reader has not seen, in order, and says what it has missed", () => {
  const ring = new Ring<number>(3);
  assert.equal(ring.after(0, 10), undefined);
  for (let i = 1; i <= 5; i++) ring.add(i * 10);
  assert.deepEqual(ring.after(0, 10), { items: [30, 40, 50], skipped: 2, last: 5 });
  assert.deepEqual(ring.after(2, 10), { items: [30, 40, 50], skipped: 0, last: 5 });
  assert.deepEqual(ring.after(2, 2), { items: [30, 40], skipped: 0, last: 4 });
  assert.deepEqual(ring.after(4, 10), { items: [50], skipped: 0, last: 5 });
  assert.equal(ring.after(5, 10), undefined);
  assert.equal(ring.forgotten, 2);
});

Deno.test("Ring drops the oldest items when their sizes exceed the limit, but not the newest", () => {
  const ring = new Ring<string>(100, 10, ({ length }) => length);
  for (const item of ["aaaa", "bbbb", "cccc"]) ring.add(item);
  assert.deepEqual(ring.held, { count: 2, size: 8 });
  ring.add("d".repeat(50));
  assert.deepEqual(ring.held, { count: 1, size: 50 });
  ring.add("e");
  assert.deepEqual([ring.held, ring.after(0, 9)], [{ count: 1, size: 1 }, { items: ["e"], skipped: 4, last: 5 }]);
});
