import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import zlib from "node:zlib";
import { Deflater, WINDOW_BYTES } from "../../../src/archive/deflate/mod.ts";
import { LOOPS_SOURCE_SHA256 } from "../../../src/archive/deflate/loops_wasm.ts";
import { concat, equalBytes, pattern, utf8 } from "../helper/bytes.ts";

const deflater = new Deflater();
const LEVELS = [1, 2, 3, 4, 5, 6, 7, 8, 9];
const END = Uint8Array.of(3, 0);

/** Text of a small vocabulary, in random order. */
function words(length: number, seed: number): Uint8Array<ArrayBuffer> {
  let state = seed;
  const next = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
  const vocabulary = Array.from({ length: 500 }, () => "abcdefghij".repeat(2).slice(next(9), 10 + next(9)));
  let text = "";
  while (text.length < length) text += vocabulary[next(vocabulary.length)] + (next(9) === 0 ? "\n" : " ");
  return utf8(text.slice(0, length));
}

function inflate(...parts: readonly Uint8Array[]): Uint8Array {
  return zlib.inflateRawSync(concat(...parts, END));
}

const INPUTS: readonly (readonly [string, Uint8Array<ArrayBuffer>])[] = [
  ...[0, 1, 2, 3, 4, 5, 7, 8, 9, 257, 258, 259, 262].map((length) =>
    [`${length} zeros`, new Uint8Array(length)] as const
  ),
  ["one byte after zeros", concat(new Uint8Array(300), utf8("x"))],
  ["a million zeros", new Uint8Array(1_000_000)],
  ["all bytes", Uint8Array.from({ length: 256 }, (_, i) => i)],
  ["text", words(300_000, 1)],
  ["bytes without an order", pattern(70_000)],
  ["repetitions at the far end of the window", concat(...Array.from({ length: 5 }, () => pattern(WINDOW_BYTES - 1)))],
  [
    "repetitions beyond the window",
    concat(...Array.from({ length: 5 }, (_, i) => concat(words(WINDOW_BYTES, 7), pattern(i)))),
  ],
  // Frequencies that are Fibonacci numbers give the longest codes.
  ["skewed bytes", concat(...fibonacci(24).map((count, i) => new Uint8Array(count).fill(i)))],
];

function fibonacci(count: number): number[] {
  const numbers = [1, 1];
  while (numbers.length < count) numbers.push(numbers.at(-1)! + numbers.at(-2)!);
  return numbers;
}

for (const [name, input] of INPUTS) {
  Deno.test(`zlib inflates the output of deflate() and code() to the input: ${name}`, () => {
    for (const level of LEVELS) {
      assert.ok(equalBytes(inflate(deflater.deflate(input, 0, level)), input), `level ${level}`);
    }
    assert.ok(equalBytes(inflate(deflater.code(input)), input));
  });
}

Deno.test("zlib inflates a whole block in which text follows bytes without an order, and the reverse", () => {
  let state = 1;
  const bytes = Uint8Array.from({ length: 60_000 }, () => (state = Math.imul(state, 1664525) + 1013904223 | 0) >>> 24);
  const text = words(400_000, 3);
  // At level 1, a deflate block ends within each part.
  const input = concat(bytes, text, bytes.subarray(1), text.subarray(1), bytes.subarray(2), bytes.subarray(0, 7));
  for (const level of LEVELS) {
    assert.ok(equalBytes(inflate(deflater.deflate(input, 0, level)), input), `level ${level}`);
  }
});

Deno.test("deflate() refers to the 32 KiB before a block, and to nothing before them", () => {
  const before = pattern(WINDOW_BYTES, 3);
  const bytes = concat(before, before);
  for (const level of LEVELS) {
    const first = deflater.deflate(before, 0, level).slice();
    const second = deflater.deflate(bytes, WINDOW_BYTES, level);
    assert.ok(equalBytes(inflate(first, second), bytes), `level ${level}`);
  }
  assert.throws(() => deflater.deflate(new Uint8Array(2 ** 21), 0, 6), RangeError);
});

Deno.test("deflate() compresses text better at higher levels", () => {
  const text = words(1_000_000, 5);
  const [low, middle, high] = [1, 6, 9].map((level) => deflater.deflate(text, 0, level).length);
  assert.ok(low! > middle! && middle! > high!, `${low}, ${middle}, ${high}`);
});

// Change these digests only on purpose: all archives get other digests then.
const DIGESTS: Readonly<Record<number, string>> = {
  1: "2a396365e0d8cc23",
  2: "bac1b389487d4af6",
  3: "f12f2b6a8c78480c",
  4: "037a6760491cd8c3",
  5: "461dbba056294da8",
  6: "dd8b851003a538a2",
  7: "725b112f7adc93d4",
  8: "b28a3ea99061b369",
  9: "7e08ab64c2fd5021",
};

for (const level of LEVELS) {
  Deno.test(`deflate() produces the recorded bytes at level ${level}`, () => {
    const hash = createHash("sha256");
    for (const [, input] of INPUTS) hash.update(deflater.deflate(input, 0, level));
    assert.equal(hash.digest("hex").slice(0, 16), DIGESTS[level]);
  });
}

Deno.test("loops_wasm.ts was compiled from the current assembly/loops.ts", () => {
  const source = Deno.readFileSync(new URL("../../../src/archive/deflate/assembly/loops.ts", import.meta.url));
  const digest = createHash("sha256").update(source).digest("hex");
  assert.equal(digest, LOOPS_SOURCE_SHA256, "run 'scripts/deno task wasm'");
});
