import assert from "node:assert/strict";
import fc from "fast-check";
import { lineSplitter } from "../../../src/observability/lines.ts";
import { concat, utf8 } from "../helper/bytes.ts";
import { FakeClock } from "../helper/fake_clock.ts";

const PIECE = 64 * 1024;

/** Returns the lines of a text that arrives in these pieces. */
function linesOf(...pieces: readonly (string | Uint8Array)[]): string[] {
  const lines: string[] = [];
  const split = lineSplitter((line) => lines.push(line));
  for (const piece of pieces) split(typeof piece === "string" ? utf8(piece) : piece);
  split.flush();
  return lines;
}

/** Splits `bytes` into pieces of this size. */
function cut(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.slice(i * size, (i + 1) * size));
}

Deno.test("lineSplitter() returns each of several lines without its end", () => {
  assert.deepEqual(linesOf("one\ntwo\r\n\nfour\n"), ["one", "two", "", "four"]);
});

Deno.test("lineSplitter() returns a line only when its end arrives", () => {
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

Deno.test("flush() returns an unfinished line once, and nothing otherwise", () => {
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

Deno.test("lineSplitter() returns the same lines wherever the bytes are split, even within a character", () => {
  const text = "añ€😀\r\nzwölf \u{10ffff}\n\uFEFFx\n";
  const bytes = utf8(text);
  for (let size = 1; size <= bytes.length; size++) {
    assert.deepEqual(linesOf(...cut(bytes, size)), ["añ€😀", "zwölf \u{10ffff}", "\uFEFFx"]);
  }
});

Deno.test("lineSplitter() keeps no reference to a buffer that its caller reuses", () => {
  const lines: string[] = [];
  const split = lineSplitter((line) => lines.push(line));
  const buffer = utf8("abc");
  split(buffer);
  buffer.fill(0x78);
  split(utf8("d\n"));
  assert.deepEqual(lines, ["abcd"]);
});

Deno.test("lineSplitter() shows bytes that are not UTF-8 as \\xNN", () => {
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

Deno.test("lineSplitter() escapes terminal control characters except tabs and colours", () => {
  assert.deepEqual(linesOf("a\tb\x00\x07\x08\x0b\x0c\x1f\x7fc\x1b[1;31mred\x1b[0m\x1b[38:2::1:2:3mx\x1b[m\n"), [
    "a\tb\\x00\\x07\\x08\\x0b\\x0c\\x1f\\x7fc\x1b[1;31mred\x1b[0m\x1b[38:2::1:2:3mx\x1b[m",
  ]);
  for (
    const [sequence, expected] of [
      ["\x1b[2J", "\\x1b[2J"],
      ["\x1b]0;title\x07", "\\x1b]0;title\\x07"],
      ["\x1b[1A", "\\x1b[1A"],
      ["\x1b[>4;2m", "\\x1b[>4;2m"],
      ["\x1b\x1b[31m", "\\x1b\x1b[31m"],
      ["\x9b2J", "\\u009b2J"],
      ["\u202egpj.exe", "\\u202egpj.exe"],
      ["\u2028line", "\\u2028line"],
      [`\x1b[${"1".repeat(65)}m`, `\\x1b[${"1".repeat(65)}m`],
    ]
  ) assert.deepEqual(linesOf(`${sequence}\n`), [expected]);
});

Deno.test("lineSplitter() returns the last state of a line whose states end with carriage returns", () => {
  using _ = new FakeClock();
  assert.deepEqual(linesOf("50%\r100%\r\r\n"), ["50%", "100%"]);
  assert.deepEqual(linesOf("\r0%\r50%\r100%\ndone\n"), ["0%", "100%", "done"]);
  assert.deepEqual(linesOf("50%\r100%\r    \n"), ["50%", "100%"]);
  assert.deepEqual(linesOf("50%\r    \rdone\n"), ["50%", "done"]);
  assert.deepEqual(linesOf("one\r\ntwo\r\n\r\nthree\r\n"), ["one", "two", "", "three"]);
  assert.deepEqual(linesOf("50%\r60%"), ["50%", "60%"]);
  assert.deepEqual(linesOf("50%\r60%\r"), ["50%", "60%"]);
});

Deno.test("lineSplitter() returns the latest state at intervals while a line is overwritten again and again", () => {
  using clock = new FakeClock();
  const lines: string[] = [];
  const split = lineSplitter((line) => lines.push(line));
  for (let part = 0; part <= 50; part++) {
    split(utf8(`\r${part}/50`));
    clock.advance(100);
  }
  assert.deepEqual(lines, ["0/50", "20/50", "40/50"]);
  split(utf8("\n"));
  assert.deepEqual(lines, ["0/50", "20/50", "40/50", "50/50"]);
  assert.deepEqual(clock.pending, [], "no timer is left");
});

Deno.test("lineSplitter() returns a state that stays, and never the same one twice", () => {
  using clock = new FakeClock();
  const lines: string[] = [];
  const split = lineSplitter((line) => lines.push(line));
  split(utf8("\rfetching"));
  clock.advance(60_000);
  assert.deepEqual(lines, ["fetching"]);
  split(utf8("\rfetching\rfetching\n"));
  assert.deepEqual(lines, ["fetching"]);
  split(utf8("fetching\n"));
  assert.deepEqual(lines, ["fetching", "fetching"]);
  assert.deepEqual(clock.pending, []);
});

const SECRET = "c2a8f4d0b1e94a67";

/** Returns the lines with the content of their marks. */
function marked(secret: string | undefined, ...pieces: readonly string[]): unknown[] {
  const found: unknown[] = [];
  const split = lineSplitter(
    (line, origin) =>
      found.push([line, origin?.requestId, origin?.traceId, origin?.level].slice(0, origin === undefined ? 3 : 4)),
    secret,
  );
  for (const piece of pieces) split(utf8(piece));
  split.flush();
  return found;
}

Deno.test("lineSplitter() removes a request's mark from a line, and returns its content", () => {
  const trace = "0af7651916cd43dd8448eb211c80319c";
  const mark = (text: string) => `\x1e[${SECRET} ${text}]\x1e`;
  assert.deepEqual(
    marked(
      SECRET,
      `none\n${mark("i id.1")}one\n${mark(`w a/b ${trace}`)}two\n${mark("d id.1")}\n${mark("e")}bad\n${
        mark("c")
      }worse\n`,
      `50 %${mark("i id.1")}, 100 %${mark("i id.2")}\n\x1e[${SECRET} i no`,
      "t.cut]\x1erest",
    ),
    [
      ["none", undefined, undefined],
      ["one", "id.1", undefined, "info"],
      ["two", "a/b", trace, "warning"],
      ["", "id.1", undefined, "debug"],
      ["bad", undefined, undefined, "error"],
      ["worse", undefined, undefined, "fatal"],
      ["50 %, 100 %", "id.1", undefined, "info"],
      ["rest", "not.cut", undefined, "info"],
    ],
  );
});

Deno.test("lineSplitter() escapes only the control characters of text that resembles a mark", () => {
  for (
    const text of [
      "[a b]",
      "[]",
      "[a",
      `[${SECRET}]`,
      `[${SECRET} x]`,
      `[${SECRET} x a]`,
      `[${SECRET} i ${"x".repeat(129)}]`,
      `[${SECRET} i a 0af7]`,
      `[${SECRET} i "]`,
    ]
  ) {
    assert.deepEqual(marked(SECRET, `\x1e${text}\x1eline\n`), [[`\\x1e${text}\\x1eline`, undefined, undefined]]);
  }
});

Deno.test("lineSplitter() ignores a mark without the secret", () => {
  const other = SECRET.replace("c2", "d3");
  for (
    const [secret, text] of [[SECRET, "[order-1]"], [SECRET, `[${other} order-1]`], [undefined, "[ order-1]"]] as const
  ) {
    assert.deepEqual(marked(secret, `\x1e${text}\x1ehello\n`), [[`\\x1e${text}\\x1ehello`, undefined, undefined]]);
  }
});

Deno.test("lineSplitter() returns an endless line in pieces, and buffers at most one of them", () => {
  const lines: string[] = [];
  const split = lineSplitter((line) => lines.push(line));
  for (let i = 0; i < 100; i++) split(utf8("x".repeat(10_000)));
  assert.equal(lines.length, Math.floor(1_000_000 / PIECE));
  assert.ok(lines.every((line) => line.length === PIECE));
  split(utf8("\n"));
  assert.ok(lines.join("") === "x".repeat(1_000_000));
});

Deno.test("lineSplitter() returns a long line in pieces even if its end arrives with it", () => {
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

Deno.test("lineSplitter() returns any text without control characters unchanged", () => {
  const character = fc.oneof(
    fc.integer({ min: 0x20, max: 0x7e }),
    fc.integer({ min: 0xa0, max: 0x2027 }),
    fc.integer({ min: 0x206a, max: 0xd7ff }),
    fc.integer({ min: 0xe000, max: 0x10ffff }),
    // These change the direction of text.
  ).filter((code) => ![0x61c, 0x200e, 0x200f].includes(code)).map((code) => String.fromCodePoint(code));
  const line = fc.array(character).map((characters) => characters.join(""));
  fc.assert(fc.property(fc.array(line, { maxLength: 5 }), fc.integer({ min: 1, max: 20 }), (lines, size) => {
    const text = lines.map((line) => `${line}\n`).join("");
    assert.deepEqual(linesOf(...cut(utf8(text), size)), lines);
  }));
});

Deno.test("lineSplitter() shows any bytes reversibly", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), fc.integer({ min: 1, max: 9 }), (bytes, size) => {
    // Escapes can be distinguished from the text only if that contains no backslash.
    const given = bytes.map((byte) => byte === 0x5c || byte === 0x0d ? 0x2e : byte);
    const lines = linesOf(...cut(given, size));
    const back = lines.map((line) =>
      concat(
        ...line.split(/(\\x[0-9a-f]{2}|\\u[0-9a-f]{4})/).map((part, i) => {
          if (i % 2 === 0) return utf8(part);
          const code = Number.parseInt(part.slice(2), 16);
          return part.startsWith("\\x") ? new Uint8Array([code]) : utf8(String.fromCharCode(code));
        }),
      )
    );
    const ended = given.at(-1) === 0x0a || given.length === 0;
    const joined = concat(...back.flatMap((line, i) => [line, utf8(i < back.length - 1 || ended ? "\n" : "")]));
    assert.deepEqual(joined, given);
  }));
});

Deno.test("lineSplitter() escapes exactly the bytes that the decoder finds in no UTF-8 character", () => {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const character = (bytes: Uint8Array) => {
    for (let length = 1; length <= bytes.length; length++) {
      try {
        return { length, text: decoder.decode(bytes.subarray(0, length)) };
      } catch {
        // Not valid in this length.
      }
    }
    return undefined;
  };
  const expected = (bytes: Uint8Array): string => {
    if (bytes.length === 0) return "";
    const { length, text } = character(bytes) ?? { length: 1, text: `\\x${bytes[0]!.toString(16).padStart(2, "0")}` };
    return text + expected(bytes.subarray(length));
  };
  // Bytes at the limits of what RFC 3629 allows in each position.
  const first = [
    0x41,
    0x80,
    0xbf,
    0xc1,
    0xc2,
    0xdf,
    0xe0,
    0xe1,
    0xec,
    0xed,
    0xee,
    0xef,
    0xf0,
    0xf1,
    0xf3,
    0xf4,
    0xf5,
    0xff,
  ];
  const next = [0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xe2];
  for (const a of first) {
    for (const b of next) {
      for (const c of [0x41, 0x80, 0xbf, 0xc0]) {
        for (const d of [0x80, 0xbf, 0xe2]) {
          const bytes = Uint8Array.of(0xff, a, b, c, d);
          const lines: string[] = [];
          const split = lineSplitter((line) => lines.push(line), undefined, (text) => text);
          split(bytes);
          split.flush();
          assert.deepEqual(lines, [expected(bytes)], bytes.toHex());
        }
      }
    }
  }
});

Deno.test("lineSplitter() does not call the decoder for each byte of a line with one that is not UTF-8", () => {
  const { decode } = TextDecoder.prototype;
  let calls = 0;
  TextDecoder.prototype.decode = function (...args) {
    calls++;
    return decode.apply(this, args);
  };
  try {
    const lines = linesOf(utf8("x".repeat(10_000)), Uint8Array.of(0xff, 0xc3), utf8("ü".repeat(10_000)));
    assert.equal(lines.join(""), `${"x".repeat(10_000)}\\xff\\xc3${"ü".repeat(10_000)}`);
  } finally {
    TextDecoder.prototype.decode = decode;
  }
  assert.ok(calls < 20, `${calls} calls`);
});
