import assert from "node:assert/strict";
import { printable, printableJson, printableLines } from "../../src/printable.ts";
import { writersTo } from "../../src/cli/terminal/writers.ts";

/** Characters that control a terminal or change the direction of text, with their escaped form. */
const CONTROLS: readonly (readonly [string, string])[] = [
  ["\x00", "\\x00"],
  ["\x07", "\\x07"],
  ["\x1b[2J", "\\x1b[2J"],
  ["\r", "\\x0d"],
  ["\x7f", "\\x7f"],
  ["\x85", "\\u0085"],
  ["\x9b2J", "\\u009b2J"],
  ["\u061c", "\\u061c"],
  ["\u200e", "\\u200e"],
  ["\u200f", "\\u200f"],
  ["\u2028", "\\u2028"],
  ["\u202e", "\\u202e"],
  ["\u2069", "\\u2069"],
];

Deno.test("printable() escapes only characters that control a terminal", () => {
  for (const [raw, shown] of CONTROLS) {
    assert.equal(printable(`a${raw}b`), `a${shown}b`);
    assert.equal(printable(printable(raw)), printable(raw), "twice is once");
  }
  assert.equal(printable("a\nb"), "a\\x0ab");
  for (const text of ["", "a\tb", "ünï 漢字 🎉 a\u200db", "\\x1b", "שלום"]) assert.equal(printable(text), text);
});

Deno.test("printableLines() keeps line feeds", () => {
  for (const [raw, shown] of CONTROLS) assert.equal(printableLines(`a\n${raw}\n`), `a\n${shown}\n`);
});

Deno.test("printableJson() keeps the meaning of JSON", () => {
  const value = { [CONTROLS.map(([raw]) => raw).join("")]: "\u202e\x9b" };
  const json = printableJson(JSON.stringify(value));
  assert.equal(printable(json), json);
  assert.deepEqual(JSON.parse(json), value);
});

Deno.test("writersTo() escapes everything except raw output, and JSON only for a terminal", () => {
  let [out, err] = ["", ""];
  const raw = { stdout: (text: string) => void (out += text), stderr: (text: string) => void (err += text) };
  const json = '{\r\n "a": "\x9b"\n}\n';
  for (const terminal of [false, true]) {
    const writers = writersTo(raw, terminal);
    [out, err] = ["", ""];
    writers.stdout("a\n\x1bb\n");
    writers.stderr("c\n\x9bd\n");
    writers.stdoutLine("e\n\x1bf");
    writers.stderrLine("g\nh");
    assert.deepEqual([out, err], ["a\n\\x1bb\ne\\x0a\\x1bf\n", "c\n\\u009bd\ng\\x0ah\n"]);
    [out, err] = ["", ""];
    writers.raw.stderr("\r\x1b[K");
    writers.stdoutJson(json);
    assert.deepEqual([out, err], [terminal ? '{\n "a": "\\u009b"\n}\n' : json, "\r\x1b[K"]);
    out = "";
    writers.stdoutData("COPY \u200f\n");
    assert.equal(out, terminal ? "COPY \\u200f\n" : "COPY \u200f\n");
  }
});
