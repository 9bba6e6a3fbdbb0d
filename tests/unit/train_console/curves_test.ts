import assert from "node:assert/strict";
import { Curves, MAX_CURVES, MAX_POINTS } from "../../../src/train_console/curves.ts";
import { parseScalars } from "../../../src/train_console/scalars.ts";
import type { CurveUpdate } from "../../../src/web/train_wire.ts";

/** Everything that a reader gets until there is nothing new. */
function all(next: () => CurveUpdate | undefined): CurveUpdate[] {
  const updates: CurveUpdate[] = [];
  for (let update = next(); update !== undefined; update = next()) updates.push(update);
  return updates;
}

Deno.test("Curves keeps an even selection of points, the last one, and counts all", () => {
  const curves = new Curves();
  for (let step = 0; step < 10_000; step++) curves.add("loss", "", step, step / 10, 1000 + step);
  const [update] = all(curves.reader());
  const { points, last, count } = update!;
  assert.ok(points.length <= MAX_POINTS && points.length > MAX_POINTS / 3);
  const gaps = new Set(points.slice(1).map(([step], i) => step - points[i]![0]));
  assert.deepEqual([...gaps], [32]);
  assert.deepEqual([last, count], [[9999, 999.9, 10_999_000], 10_000]);
});

Deno.test("a reader of Curves gets each point once, and all again after a thinning", () => {
  const curves = new Curves();
  const next = curves.reader();
  const received: number[] = [];
  for (let step = 0; step < 3 * MAX_POINTS; step++) {
    curves.add("loss", "", step, 1, 0);
    for (const { isNew, points } of all(next)) {
      if (isNew) received.length = 0;
      received.push(...points.map(([step]) => step));
    }
  }
  assert.deepEqual(received, all(curves.reader())[0]!.points.map(([step]) => step));
  assert.equal(next(), undefined);
});

Deno.test("Curves tells runs apart, and limits the number and the names of curves", () => {
  const curves = new Curves();
  curves.add("loss", "train", 0, 1, 0);
  curves.add("loss", "validation", 0, NaN, 0);
  const [, second] = all(curves.reader());
  assert.deepEqual([second!.run, second!.last[1], second!.notFinite], ["validation", "NaN", 1]);
  assert.equal(curves.isFull, false);
  for (let i = 0; i < 2 * MAX_CURVES; i++) curves.add(`${i} ${"x".repeat(1000)}`, "r".repeat(1000), 0, -Infinity, 0);
  const updates = all(curves.reader());
  assert.deepEqual([updates.length, curves.isFull], [MAX_CURVES, true]);
  assert.ok(updates.every(({ tag, run }) => tag.length <= 200 && run.length <= 200));
});

Deno.test("parseScalars() reads the points of a frame, and leaves out what is none", () => {
  const parse = (text: string) => parseScalars(new TextEncoder().encode(text));
  assert.deepEqual(parse('[["loss", 3, 0.25, 1764158400.125], ["x", 0, "-Infinity", 1]]'), [
    { name: "loss", step: 3, value: 0.25, time: 1764158400.125 },
    { name: "x", step: 0, value: -Infinity, time: 1 },
  ]);
  for (const text of ["", "{}", "null", '[[1,2,3,4],["a","b",1,1],["a",1,"toString",1],["a",1],null,"x"]']) {
    assert.deepEqual(parse(text), [], text);
  }
});
