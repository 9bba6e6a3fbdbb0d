import assert from "node:assert/strict";
import fc from "fast-check";
import { JsonReader } from "../../../../src/http/v2/json_reader.ts";
import { utf8 } from "../../helper/bytes.ts";

/** Reads a whole text. @returns whether it is JSON, and its value */
function read(bytes: Uint8Array<ArrayBuffer>, maxDepth = 100): { good: boolean; value?: unknown } {
  const reader = new JsonReader(bytes, 0, bytes.length, maxDepth);
  const value = (token: string): unknown => {
    switch (token) {
      case "[": {
        const list = [];
        for (let token = reader.next(); token !== "]"; token = reader.next()) list.push(value(token));
        return list;
      }
      case "{": {
        const members: [string, unknown][] = [];
        for (let token = reader.next(); token !== "}"; token = reader.next()) {
          assert.equal(token, "key");
          members.push([reader.string(), value(reader.next())]);
        }
        return Object.fromEntries(members);
      }
      case "string":
        return reader.string();
      default:
        return JSON.parse(reader.text());
    }
  };
  try {
    const found = value(reader.next());
    assert.equal(reader.next(), "end");
    return { good: true, value: found };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { good: false };
  }
}

/**
 * A key with an escape, for which V8 can return another key: JSON.parse('{"x":1,"b\\\\":2,"":0}') makes a later
 * JSON.parse('{"x":1,"b\\"":2,"":0}') return the key `b\` again.
 */
const ESCAPED_KEY = /"[^"\\]*\\.(?:[^"\\]|\\.)*"\s*:/s;

/** What the engine says of it. */
function parse(text: string): { good: boolean; value?: unknown } {
  try {
    return { good: true, value: JSON.parse(text) };
  } catch {
    return { good: false };
  }
}

Deno.test("JsonReader accepts and refuses the same texts as JSON.parse()", () => {
  const pieces = fc.constantFrom(
    ...'[]{},: \t\n\r-+.eE0123456789"\\/'.split(""),
    ...'bfnrtu true false null \\u0041 \\ud800 \\u12 1e5 -0 01 1. .5 -  é 😀 \u0000 \u001f \ufeff "a": NaN'.split(" "),
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (words) => {
      const text = words.join("");
      assert.deepEqual(read(utf8(text)), parse(text), JSON.stringify(text));
    }),
    { numRuns: 5000 },
  );
});

Deno.test("JsonReader keeps U+FEFF at the beginning of a string", () => {
  for (const text of ['"\ufeff"', '["\ufeffa"]', `"\ufeff${"a".repeat(100)}"`, '{"\ufeffa": 1}']) {
    assert.deepEqual(read(utf8(text)), { good: true, value: JSON.parse(text) });
  }
});

Deno.test("JsonReader agrees with JSON.parse() on every JSON text with one changed character", () => {
  const json = fc.json({ maxDepth: 4 }).map((text) => text.replaceAll("__proto__", "p"));
  fc.assert(
    fc.property(json, fc.nat(), fc.constantFrom("", ",", "]", "}", '"', "\\", "0", "x", " "), (text, at, other) => {
      if (ESCAPED_KEY.test(text)) return;
      assert.deepEqual(read(utf8(text)), { good: true, value: JSON.parse(text) });
      const place = at % (text.length + 1);
      const changed = text.slice(0, place) + other + text.slice(place + 1);
      // Half of a surrogate pair has no UTF-8 form, and JSON.parse() gets text instead of bytes.
      if (!changed.isWellFormed() || changed.includes("__proto__") || ESCAPED_KEY.test(changed)) return;
      assert.deepEqual(read(utf8(changed)), parse(changed), JSON.stringify(changed));
    }),
    { numRuns: 5000 },
  );
});

Deno.test("JsonReader reads keys with escapes", () => {
  for (const [text, key] of [['{"b\\\\":1}', "b\\"], ['{"b\\"":1}', 'b"'], ['{"\\u0061\\n/":1}', "a\n/"]] as const) {
    assert.deepEqual(read(utf8(text)), { good: true, value: { [key]: 1 } });
  }
});

Deno.test("JsonReader.skip() stops at the end of the value", () => {
  fc.assert(fc.property(fc.json(), fc.constantFrom("", " ", "\n"), (text, space) => {
    const whole = `{"a":${space}${text}${space},"b":[${text},${text}]}`;
    const bytes = utf8(whole);
    const reader = new JsonReader(bytes, 0, bytes.length, 100);
    assert.equal(reader.next(), "{");
    assert.equal(reader.next(), "key");
    const start = reader.at;
    reader.skip();
    assert.equal(new TextDecoder().decode(bytes.subarray(start, reader.at)).trim(), text);
    assert.equal(reader.next(), "key");
    assert.equal(reader.string(), "b");
    reader.skip();
    assert.equal(reader.next(), "}");
    assert.equal(reader.next(), "end");
  }));
});

Deno.test("JsonReader refuses JSON that is nested too deeply, and numbers that are too long", () => {
  assert.ok(read(utf8("[".repeat(100) + "]".repeat(100))).good);
  assert.ok(!read(utf8("[".repeat(101) + "]".repeat(101))).good);
  assert.ok(!read(utf8('{"a":'.repeat(101) + "1" + "}".repeat(101))).good);
  assert.ok(read(utf8("1".repeat(512))).good);
  for (const text of ["1".repeat(513), `-0.${"1".repeat(511)}`, `1e${"0".repeat(512)}`]) {
    assert.ok(!read(utf8(text)).good);
  }
});
