import assert from "node:assert/strict";
import fc from "fast-check";
import { lineSplitter } from "../../../src/observability/lines.ts";
import { concat, utf8 } from "../helper/bytes.ts";

const PIECE = 64 * 1024;

/** The lines of what comes in these pieces, and then no more. */
function linesOf(...pieces: readonly (string | Uint8Array)[]): string[] {
  const lines: string[] = [];
  const split = lineSplitter((line) => lines.push(line));
  for (const piece of pieces) split(typeof piece === "string" ? utf8(piece) : piece);
  split.flush();
  return lines;
}

/** `bytes` in pieces of this size. */
function cut(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.slice(i * size, (i + 1) * size));
}

Deno.test("lineSplitter() gives each line without its end when several come at once", () => {
  assert.deepEqual(linesOf("one\ntwo\r\n\nfour\n"), ["one", "two", "", "four"]);
});

Deno.test("lineSplitter() gives a line when its end comes, and not before", () => {
  const lines: string[] = [];
  const split = lineSplitter((line) => lines.push(line));
  split(utf8("on"));
  split(utf8("e"));
  assert.deepEqual(lines, []);
  split(utf8("\ntw"));
  assert.deepEqual(lines, ["one"]);
  split(utf8("o\n"));
  assert.deepEqual(lines, ["one", "two"]);
});

Deno.test("flush() gives a line without an end, once, and nothing when there is none", () => {
  const lines: string[] = [];
  const split = lineSplitter((line) => lines.push(line));
  split.flush();
  split(utf8("one\nrest"));
  split.flush();
  split.flush();
  assert.deepEqual(lines, ["one", "rest"]);
  split(utf8("more\n"));
  assert.deepEqual(lines, ["one", "rest", "more"]);
});

Deno.test("lineSplitter() gives the same lines when the bytes are cut anywhere, within characters too", () => {
  const text = "añ€😀\r\nzwölf \u{10ffff}\n\uFEFFx\n";
  const bytes = utf8(text);
  for (let size = 1; size <= bytes.length; size++) {
    assert.deepEqual(linesOf(...cut(bytes, size)), ["añ€😀", "zwölf \u{10ffff}", "\uFEFFx"]);
  }
});

Deno.test("lineSplitter() keeps nothing of a buffer when that is used again for what comes next", () => {
  const lines: string[] = [];
  const split = lineSplitter((line) => lines.push(line));
  const buffer = utf8("abc");
  split(buffer);
  buffer.fill(0x78);
  split(utf8("d\n"));
  assert.deepEqual(lines, ["abcd"]);
});

Deno.test("lineSplitter() shows bytes that are not UTF-8 as \\xNN when a line has some", () => {
  for (
    const [bytes, expected] of [
      [[0x61, 0xff, 0x62], "a\\xffb"],
      [[0xc3], "\\xc3"],
      [[0xe2, 0x82], "\\xe2\\x82"],
      [[0xe2, 0x82, 0xac, 0x80], "€\\x80"],
      [[0xc0, 0xaf], "\\xc0\\xaf"],
      [[0xed, 0xa0, 0x80], "\\xed\\xa0\\x80"],
      [[0xf5, 0x80, 0x80, 0x80], "\\xf5\\x80\\x80\\x80"],
      [[0xff, 0xc3, 0xbc, 0xef, 0xbb, 0xbf], "\\xffü\uFEFF"],
    ] as const
  ) {
    assert.deepEqual(linesOf(new Uint8Array([...bytes, 0x0a])), [expected]);
  }
});

Deno.test("lineSplitter() shows control characters as \\xNN, but for tab and escape, when a line has some", () => {
  assert.deepEqual(linesOf("a\tb\x00\x07\x08\x0b\x0c\x1f\x7fc\x1b[31mred\x1b[0m\n"), [
    "a\tb\\x00\\x07\\x08\\x0b\\x0c\\x1f\\x7fc\x1b[31mred\x1b[0m",
  ]);
});

Deno.test("lineSplitter() takes one \\r off the end of a line, and shows the others, when there are several", () => {
  assert.deepEqual(linesOf("50%\r100%\r\r\n"), ["50%\\x0d100%\\x0d"]);
});

Deno.test("lineSplitter() takes the mark of a request off a line, and gives what it says", () => {
  const trace = "0af7651916cd43dd8448eb211c80319c";
  const found: unknown[] = [];
  const split = lineSplitter((line, origin) => found.push([line, origin?.requestId, origin?.traceId]));
  split(utf8("none\n\x1e[id.1]\x1eone\n\x1e[a/b " + trace + "]\x1etwo\n\x1e[id.1]\x1e\n"));
  split(utf8("50 %\x1e[id.1]\x1e, 100 %\x1e[id.2]\x1e\n\x1e[no"));
  split(utf8("t.cut]\x1erest"));
  split.flush();
  assert.deepEqual(found, [
    ["none", undefined, undefined],
    ["one", "id.1", undefined],
    ["two", "a/b", trace],
    ["", "id.1", undefined],
    ["50 %, 100 %", "id.1", undefined],
    ["rest", "not.cut", undefined],
  ]);
});

Deno.test("lineSplitter() shows what is not a mark as it is, but for its control characters", () => {
  for (const text of ["[a b]", "[]", "[a", `[${"x".repeat(129)}]`, "[a 0af7]", '["]']) {
    const found: unknown[] = [];
    lineSplitter((line, origin) => found.push([line, origin]))(utf8(`\x1e${text}\x1eline\n`));
    assert.deepEqual(found, [[`\\x1e${text}\\x1eline`, undefined]]);
  }
});

Deno.test("lineSplitter() gives an endless line in pieces, and holds no more than one of them", () => {
  const lines: string[] = [];
  const split = lineSplitter((line) => lines.push(line));
  for (let i = 0; i < 100; i++) split(utf8("x".repeat(10_000)));
  assert.equal(lines.length, Math.floor(1_000_000 / PIECE));
  assert.ok(lines.every((line) => line.length === PIECE));
  split(utf8("\n"));
  assert.ok(lines.join("") === "x".repeat(1_000_000));
});

Deno.test("lineSplitter() gives a long line in pieces when its end comes with it", () => {
  const lines = linesOf("y".repeat(3 * PIECE + 5) + "\nnext\n");
  assert.deepEqual(lines.map(({ length }) => length), [PIECE, PIECE, PIECE, 5, 4]);
});

Deno.test("lineSplitter() cuts a long line between two characters", () => {
  for (const character of ["ü", "€", "😀"]) {
    for (const before of ["", "a", "ab", "abc"]) {
      const line = before + character.repeat(PIECE);
      const lines = linesOf(...cut(utf8(line), 50_000));
      assert.ok(lines.join("") === line, `${before}${character}…`);
      assert.ok(lines.length > 1 && lines.every((piece) => utf8(piece).length <= PIECE));
    }
  }
});

Deno.test("lineSplitter() loses no byte when a piece of a long line ends with \\r", () => {
  const line = "x".repeat(PIECE - 1) + "\ry";
  for (const pieces of [[line + "\n"], [line, "\n"]]) {
    assert.deepEqual(linesOf(...pieces).map((line) => line.slice(-5)), ["x\\x0d", "y"]);
  }
});

Deno.test("lineSplitter() gives back any text when it has no control characters", () => {
  const character = fc.oneof(
    fc.integer({ min: 0x20, max: 0x7e }),
    fc.integer({ min: 0x80, max: 0xd7ff }),
    fc.integer({ min: 0xe000, max: 0x10ffff }),
  ).map((code) => String.fromCodePoint(code));
  const line = fc.array(character).map((characters) => characters.join(""));
  fc.assert(fc.property(fc.array(line, { maxLength: 5 }), fc.integer({ min: 1, max: 20 }), (lines, size) => {
    const text = lines.map((line) => `${line}\n`).join("");
    assert.deepEqual(linesOf(...cut(utf8(text), size)), lines);
  }));
});

Deno.test("lineSplitter() shows all of it, reversibly, when a script prints any bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), fc.integer({ min: 1, max: 9 }), (bytes, size) => {
    // What is shown as \xNN can be told from the text only if that has no backslash.
    const given = bytes.map((byte) => byte === 0x5c || byte === 0x0d ? 0x2e : byte);
    const lines = linesOf(...cut(given, size));
    const back = lines.map((line) =>
      concat(
        ...line.split(/(\\x[0-9a-f]{2})/).map((part, i) =>
          i % 2 === 0 ? utf8(part) : new Uint8Array([Number.parseInt(part.slice(2), 16)])
        ),
      )
    );
    const ended = given.at(-1) === 0x0a || given.length === 0;
    const joined = concat(...back.flatMap((line, i) => [line, utf8(i < back.length - 1 || ended ? "\n" : "")]));
    assert.deepEqual(joined, given);
  }));
});
