import assert from "node:assert/strict";
import { FIRST_CREDIT, PartStream } from "../../../src/supervisor/part_stream.ts";
import { text, utf8 } from "../helper/bytes.ts";

/** A stream, and the credit and cancellations that its worker receives. */
function fixture() {
  const taken: number[] = [];
  let gone = 0;
  const stream = new PartStream({ onTaken: (parts) => void taken.push(parts), onGone: () => void gone++ });
  return { stream, taken, gone: () => gone };
}

const lost = { kind: "lost", cause: "exit code 3" } as const;

Deno.test("next() returns parts in order, waits for them, and then returns the end", async () => {
  const { stream } = fixture();
  stream.push(utf8("a"));
  const first = await stream.next();
  const second = stream.next();
  stream.push(utf8("b"));
  stream.push(utf8("c"));
  stream.end();
  const rest = [await second, await stream.next()];
  assert.deepEqual([first, ...rest].map((part) => text(part as Uint8Array)), ["a", "b", "c"]);
  assert.equal(await stream.next(), undefined);
  assert.equal(await stream.next(), undefined);
});

Deno.test("next() returns a failure after the parts that arrived", async () => {
  const { stream } = fixture();
  stream.push(utf8("a"));
  stream.fail(lost);
  stream.end();
  assert.ok(await stream.next() instanceof Uint8Array);
  assert.equal(await stream.next(), lost);
});

Deno.test("take() returns the parts that are here, at most 32 KiB of them unless one is longer, and reports them at once", async () => {
  const { stream, taken } = fixture();
  const take = async () => (await stream.take() as Uint8Array[]).map(({ length }) => length);
  for (const length of [1, 0, 2, 20_000, 20_000, 100_000, 1, 1, 1, 1]) stream.push(new Uint8Array(length));
  assert.deepEqual(await take(), [1, 0, 2, 20_000]);
  assert.deepEqual(await take(), [20_000]);
  assert.deepEqual(await take(), [100_000]);
  assert.deepEqual(taken, []);
  assert.deepEqual(await take(), [1, 1, 1, 1]);
  assert.deepEqual(taken, [10]);
  const waiting = take();
  stream.push(new Uint8Array(3));
  assert.deepEqual(await waiting, [3]);
  stream.push(new Uint8Array(4));
  assert.equal(stream.finished, false);
  stream.end();
  assert.equal(stream.finished, false);
  assert.deepEqual(await take(), [4]);
  assert.equal(stream.finished, true);
  assert.equal(await stream.take(), undefined);
});

Deno.test("take() returns without a promise what is here: parts, the end, a failure", () => {
  const [ended, failed, left] = [fixture().stream, fixture().stream, fixture().stream];
  for (const stream of [ended, failed, left]) stream.push(utf8("a"));
  assert.deepEqual((ended.take() as Uint8Array[]).map((part) => text(part)), ["a"]);
  assert.ok(ended.take() instanceof Promise);
  ended.end();
  assert.equal(ended.take(), undefined);
  failed.fail(lost);
  assert.equal((failed.take() as Uint8Array[]).length, 1);
  assert.equal(failed.take(), lost);
  left.leave();
  assert.equal(left.take(), undefined);
});

Deno.test("onTaken reports parts in halves of the credit, and not after the end", async () => {
  const { stream, taken } = fixture();
  const half = FIRST_CREDIT / 2;
  for (let i = 0; i < 3 * half; i++) stream.push(utf8("x"));
  for (let i = 0; i < half - 1; i++) await stream.next();
  assert.deepEqual(taken, []);
  for (let i = 0; i < half + 1; i++) await stream.next();
  assert.deepEqual(taken, [half, half]);
  stream.end();
  while (await stream.next() !== undefined);
  assert.deepEqual(taken, [half, half]);
});

Deno.test("a stream is starved while its worker has used all credit, and not after the end", async () => {
  const { stream } = fixture();
  for (let i = 1; i < FIRST_CREDIT; i++) stream.push(utf8("x"));
  assert.equal(stream.starved, false);
  stream.push(utf8("x"));
  assert.equal(stream.starved, true);
  for (let i = 1; i < FIRST_CREDIT / 2; i++) await stream.next();
  assert.equal(stream.starved, true);
  await stream.next();
  assert.equal(stream.starved, false);
  for (let i = 0; i < FIRST_CREDIT / 2; i++) stream.push(utf8("x"));
  assert.deepEqual([stream.starved, stream.received], [true, FIRST_CREDIT * 3 / 2]);
  stream.giveUp(lost);
  stream.push(utf8("late"));
  assert.equal(stream.starved, false);
  assert.equal(await stream.next(), lost, "what was there is dropped");
});

Deno.test("leave() ends a wait for a part", async () => {
  const { stream } = fixture();
  const next = stream.next();
  stream.leave();
  assert.equal(await next, undefined);
});

Deno.test("leave() drops waiting parts, and tells the worker unless the stream has ended", () => {
  const open = fixture();
  open.stream.push(utf8("a"));
  open.stream.leave();
  open.stream.push(utf8("b"));
  assert.equal(open.gone(), 1);
  const ended = fixture();
  ended.stream.end();
  ended.stream.leave();
  assert.equal(ended.gone(), 0);
});
