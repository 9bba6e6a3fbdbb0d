import assert from "node:assert/strict";
import { freeLarge } from "../../src/memory.ts";

const LARGE = 64 * 1024;

Deno.test("freeLarge() empties only arrays that own a large buffer", () => {
  const large = new Uint8Array(LARGE);
  freeLarge(large);
  assert.equal(large.length, 0);
  assert.equal(large.buffer.detached, true);
  freeLarge(large);

  const small = new Uint8Array(LARGE - 1);
  freeLarge(small);
  assert.equal(small.length, LARGE - 1);

  const whole = new Uint8Array(3 * LARGE).fill(7);
  const part = whole.subarray(LARGE);
  freeLarge(part);
  assert.equal(part.length, 2 * LARGE);
  assert.equal(whole.at(-1), 7);
});
