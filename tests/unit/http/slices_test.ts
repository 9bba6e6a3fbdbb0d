import assert from "node:assert/strict";
import { Slices } from "../../../src/http/slices.ts";

/** A slice that takes longer than all slices may take between two turns of the event loop. */
function slow(name: string, order: string[]): () => Promise<void> {
  return () => {
    const end = performance.now() + 12;
    while (performance.now() < end);
    order.push(name);
    return Promise.resolve();
  };
}

Deno.test("run() yields to the event loop between long slices", async () => {
  const slices = new Slices();
  const order: string[] = [];
  setTimeout(() => order.push("timer"), 0);
  for (const name of ["a", "b", "c"]) await slices.run(slow(name, order));
  assert.deepEqual(order, ["a", "timer", "b", "c"]);
});

Deno.test("run() alternates between several computations, one slice at a time", async () => {
  const slices = new Slices();
  const order: string[] = [];
  const computation = async (name: string) => {
    for (let i = 0; i < 3; i++) await slices.run(slow(name, order));
  };
  await Promise.all([computation("a"), computation("b")]);
  assert.deepEqual(order.slice(0, 2).toSorted(), ["a", "b"]);
  assert.deepEqual(order.slice(2), ["a", "b", "a", "b"].map((_, index) => order[index % 2]));
});

Deno.test("run() runs short slices at once, and returns or throws their outcome", async () => {
  const slices = new Slices();
  let timers = 0;
  const timer = setInterval(() => timers++, 0);
  const results = await Promise.all([1, 2, 3].map((value) => slices.run(() => Promise.resolve(value))));
  clearInterval(timer);
  assert.deepEqual([results, timers], [[1, 2, 3], 0]);
  await assert.rejects(slices.run(() => Promise.reject(new RangeError("no"))), RangeError);
});

Deno.test("run() goes on after a long slice during which the event loop had its turn", async () => {
  const slices = new Slices();
  const order: string[] = [];
  await slices.run(async () => {
    await new Promise((resolve) => setTimeout(resolve, 0));
    await slow("a", order)();
  });
  await slices.run(slow("b", order));
  assert.deepEqual(order, ["a", "b"]);
});
