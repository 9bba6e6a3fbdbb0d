import assert from "node:assert/strict";
import { codeOf, type CodeRequest } from "../../../../src/web/console/try/code.ts";
import { decode } from "../../../../src/web/console/try/decode.ts";
import { diffLines } from "../../../../src/web/console/try/diff.ts";
import { parseEvents } from "../../../../src/web/console/events.ts";
import { isExact, parseJson } from "../../../../src/web/console/try/exact_json.ts";
import { formatJson } from "../../../../src/web/console/try/json_text.ts";
import { rowsOf } from "../../../../src/web/console/try/rows.ts";

Deno.test("parseEvents() returns the events that are complete", () => {
  assert.deepEqual(parseEvents("data: a\ndata: b\n\n: comment\nid: 1\nevent: end\ndata:\n\ndata: unfin"), [
    { name: "message", data: "a\nb" },
    { name: "end", data: "" },
  ]);
  assert.deepEqual(parseEvents("data:x\r\n\r\ndata: y\n\n"), [{ name: "message", data: "x" }, {
    name: "message",
    data: "y",
  }]);
});

Deno.test("decode() reads a text as its type says, else as UTF-8", () => {
  const text = (contentType: string, ...bytes: number[]) =>
    decode(bytes.map((byte) => Uint8Array.of(byte)), contentType, 100);
  assert.equal(text("text/plain; charset=iso-8859-1", 0x63, 0xe9), "cé");
  assert.equal(text('text/csv;header=present; Charset="Shift_JIS"', 0x93, 0xfa), "日");
  assert.equal(text("text/plain; charset=none-such", 0xc3, 0xa9), "é");
  assert.equal(text("text/plain", 0xc3, 0xa9), "é");
  // Streams of events are UTF-8 whatever their type says.
  assert.equal(text("text/event-stream; charset=iso-8859-1", 0xc3, 0xa9), "é");
});

const json = (value: unknown) => rowsOf({ value }, undefined, "application/json");

Deno.test("rowsOf() finds rows in lists of objects, lists of lists, and columns", () => {
  assert.deepEqual(json([{ a: 1 }, { b: 2 }]), { columns: ["a", "b"], rows: [[1, undefined], [undefined, 2]] });
  assert.deepEqual(json({ n: 1, rows: [[1, 2], [3]] }), { columns: ["0", "1"], rows: [[1, 2], [3]] });
  assert.deepEqual(json({ a: [1, 2], b: [3, 4] }), { columns: ["a", "b"], rows: [[1, 3], [2, 4]] });
  for (const value of [null, 1, [], [1, 2], { a: [1], b: [1, 2] }, { a: 1 }, [{}, 1]]) {
    assert.equal(json(value), undefined);
  }
});

Deno.test("rowsOf() reads CSV with quotes, with and without a head", () => {
  const csv = (text: string) => rowsOf(undefined, text, "text/csv; charset=utf-8");
  assert.deepEqual(csv('\ufeffa,"b ""c"""\r\n1,"x\ny"\r\n'), { columns: ["a", 'b "c"'], rows: [["1", "x\ny"]] });
  assert.deepEqual(csv("1,2\n3,4"), { columns: ["0", "1"], rows: [["1", "2"], ["3", "4"]] });
  assert.deepEqual(csv("a,b\n1,\n"), { columns: ["a", "b"], rows: [["1", ""]] });
  assert.equal(csv(""), undefined);
});

Deno.test("rowsOf() reads lines of JSON", () => {
  assert.deepEqual(rowsOf(undefined, '{"a":1}\n{"a":2}\n', "application/x-ndjson"), {
    columns: ["a"],
    rows: [[1], [2]],
  });
  assert.equal(rowsOf(undefined, '{"a":1}\n{', "application/jsonl"), undefined);
});

Deno.test("diffLines() keeps what both texts have", () => {
  const signs = (a: string, b: string) =>
    diffLines(a, b).map(({ kind, text }) => `${{ before: "-", after: "+", both: " " }[kind]}${text}`);
  assert.deepEqual(signs("a\nb\nc", "a\nx\nc\nd"), [" a", "-b", "+x", " c", "+d"]);
  const long = Array.from({ length: 3000 }, (_, index) => String(index)).join("\n");
  assert.equal(diffLines(long, `${long}\nmore`).filter(({ kind }) => kind !== "both").length, 1);
});

Deno.test("formatJson() keeps short lists on a line, and wraps long ones", () => {
  assert.equal(formatJson('{"a":[1,2],"b":"x, y:z"}'), '{"a": [1, 2], "b": "x, y:z"}');
  const formatted = formatJson(JSON.stringify({ list: Array.from({ length: 60 }, (_, index) => index) }));
  assert.ok(formatted.split("\n").every((line) => line.length <= 100) && formatted.split("\n").length < 10, formatted);
  assert.equal(formatJson('{"a":[1]}', 0), '{\n  "a": [\n    1\n  ]\n}');
  assert.throws(() => formatJson("{"), SyntaxError);
});

Deno.test("formatJson() keeps the digits of numbers, in lists of any length", () => {
  const numbers = "[9007199254740993, -12345678901234567890, 1.0, 1e5, 0.30000000000000004, 100000000000000000000000]";
  assert.equal(formatJson(numbers, 1000), numbers);
  assert.deepEqual(formatJson(numbers, 20).split(/[\s,[\]]+/), numbers.split(/[\s,[\]]+/));
  assert.equal(formatJson('{"id": 9007199254740993}', 0), '{\n  "id": 9007199254740993\n}');
});

Deno.test("parseJson() keeps integers that a number can't hold, and rowsOf() takes them as cells", () => {
  const text = '{"id":[9007199254740993,-9007199254740993],"n":[9007199254740991,1.5],"x":[1e300,12345678901234567.5]}';
  const value = parseJson(text) as Record<string, readonly unknown[]>;
  assert.ok(value.id!.every(isExact));
  assert.deepEqual(value.n, [9007199254740991, 1.5]);
  assert.equal(value.x![0], 1e300);
  assert.equal(JSON.stringify(value.id), "[9007199254740993,-9007199254740993]");
  assert.equal(rowsOf({ value: value.id }, undefined, ""), undefined);
  assert.equal(rowsOf({ value: { id: value.id } }, undefined, ""), undefined);
  const rows = rowsOf(undefined, '{"id":9007199254740993}\n', "application/jsonl")!;
  assert.equal(JSON.stringify(rows.rows), "[[9007199254740993]]");
});

const REQUEST: CodeRequest = {
  url: "http://127.0.0.1:8080/invocations",
  contentType: "text/plain",
  accept: "text/csv",
  text: `it's "quoted" \\ $HOME\n`,
  file: "my file.png",
  secured: true,
};

/** Runs a program that prints its input, and returns the output. */
function output(command: string, args: readonly string[]): string {
  const { stdout, stderr, success } = new Deno.Command(command, {
    args: [...args],
    clearEnv: true,
    env: { PATH: Deno.env.get("PATH") ?? "", TOKEN: "secret" },
  }).outputSync();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test("codeOf() quotes texts for the shell", () => {
  const shown = output("sh", [
    "-c",
    `curl() { for word; do printf '%s\\0' "$word"; done; }\n${codeOf("curl", REQUEST)}`,
  ]);
  assert.deepEqual(shown.split("\0").slice(0, -1), [
    REQUEST.url,
    "-H",
    "Content-Type: text/plain",
    "-H",
    "Accept: text/csv",
    "-H",
    "Authorization: Bearer secret",
    "--data-binary",
    REQUEST.text,
  ]);
  assert.match(codeOf("curl", { ...REQUEST, text: undefined }), /--data-binary '@my file\.png'$/);
  assert.match(codeOf("curl", { ...REQUEST, text: "@x" }), /--data-binary '@my file\.png'$/, "curl would read a file");
});

Deno.test("codeOf() writes a Python program that sends the request", () => {
  const fake = `
import json, urllib.request
urllib.request.urlopen = lambda request: exit(print(json.dumps([request.full_url, request.data.decode(), sorted(request.headers.items())])))
`;
  assert.deepEqual(JSON.parse(output("python3", ["-c", fake + codeOf("python", REQUEST)])), [
    REQUEST.url,
    REQUEST.text,
    [["Accept", "text/csv"], ["Authorization", "Bearer secret"], ["Content-type", "text/plain"]],
  ]);
});

Deno.test("codeOf() writes a JavaScript program that sends the request", async () => {
  const code = codeOf("javascript", { ...REQUEST, secured: false });
  const asked: unknown[] = [];
  const run = new Function("fetch", "console", `return (async () => {${code}})()`);
  await run((...args: unknown[]) => asked.push(...args) && new Response("yes"), { log: () => {} });
  assert.deepEqual(asked, [REQUEST.url, {
    method: "POST",
    headers: { "Content-Type": "text/plain", Accept: "text/csv" },
    body: REQUEST.text,
  }]);
});
