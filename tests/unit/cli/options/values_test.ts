import assert from "node:assert/strict";
import { formatMessage } from "@optique/core/message";
import type { Value } from "../../../../src/cli/options/option.ts";
import { list, seconds, size } from "../../../../src/cli/options/values.ts";

/** Returns the value, or the error message. */
function parse<T>({ read, otherwise }: Value<T>, word: string): T | string {
  return read(word) ?? (otherwise.kind === "message" ? formatMessage(otherwise.describe(word)) : "no message");
}

for (const [text, value] of [["0", 0], ["64k", 65536], ["1.5 GB", 1.5e9], ["100MiB", 100 * 2 ** 20]] as const) {
  Deno.test(`size() is ${value} bytes when the word is '${text}'`, () => {
    assert.equal(parse(size(), text), value);
  });
}

for (const text of ["", "much", "-5", "5 XB"]) {
  Deno.test(`size() names the expected form when the word is '${text}'`, () => {
    assert.equal(parse(size(), text), `Expected a size such as "100MiB", but got "${text}".`);
  });
}

Deno.test("size() formats a value in a form that it parses back", () => {
  assert.equal(size().format(100 * 2 ** 20), "100 MiB");
  for (const value of [0, 1, 1000, 2 ** 10, 2 ** 20, 3 * 2 ** 30, 2 ** 40, 2 ** 20 + 1]) {
    assert.equal(parse(size(), size().format(value)), value);
  }
});

for (const [text, value] of [["30", 30_000], ["0.5", 500], ["0.001", 1], ["86400", 86_400_000]] as const) {
  Deno.test(`seconds() is ${value} ms when the word is '${text}'`, () => {
    assert.equal(parse(seconds(), text), value);
    assert.equal(seconds().format(value), `${text} s`);
  });
}

for (const text of ["", "0", "0.0", "-1", "1e3", "ten", "5s", ".5", "Infinity", "2147484"]) {
  Deno.test(`seconds() names the expected form when the word is '${text}'`, () => {
    assert.equal(parse(seconds(), text), `Expected a number of seconds above 0, but got "${text}".`);
  });
}

for (
  const [text, value] of [
    ["a", ["a"]],
    ["a,b.example:80", ["a", "b.example:80"]],
    [" a , ,b,", ["a", "b"]],
    ["", []],
  ] as const
) {
  Deno.test(`list() returns ${value.length} words for '${text}'`, () => {
    assert.deepEqual(parse(list("HOST,..."), text), value);
    assert.deepEqual(parse(list("X"), list("X").format(value)), value);
  });
}
