import assert from "node:assert/strict";
import fc from "fast-check";
import { parseSize } from "../../../../src/cli/options/size.ts";

for (
  const [text, expected] of [
    ["0", 0],
    ["1048576", 1048576],
    ["100MiB", 100 * 2 ** 20],
    ["100 mib", 100 * 2 ** 20],
    ["1.5 GB", 1.5e9],
    ["64k", 65536],
    ["2G", 2 * 2 ** 30],
    ["3M", 3 * 2 ** 20],
    ["1kb", 1000],
    ["7 b", 7],
    ["0.5KiB", 512],
    ["0.1k", 102],
    ["  12  ", 12],
  ] as const
) {
  Deno.test(`parseSize() is ${expected} when the text is '${text}'`, () => {
    assert.equal(parseSize(text), expected);
  });
}

for (
  const text of [
    "",
    " ",
    "MiB",
    "-1",
    "+1",
    "1e3",
    ".5",
    "5.",
    "1,000",
    "1 PB",
    "1MiBs",
    "0x10",
    "1 2",
    "∞",
    "constructor",
  ]
) {
  Deno.test(`parseSize() is undefined when the text is '${text}'`, () => {
    assert.equal(parseSize(text), undefined);
  });
}

Deno.test("parseSize() returns whole bytes or undefined for any text", () => {
  const anything = fc.oneof(fc.string(), fc.stringMatching(/^[0-9]{1,12}(\.[0-9]{1,3})? ?[kmgKMGiIbB]{0,3}$/));
  fc.assert(fc.property(anything, (text) => {
    const size = parseSize(text);
    assert.ok(size === undefined || (Number.isInteger(size) && size >= 0));
  }));
});
