import assert from "node:assert/strict";
import { splitCsv } from "../../../src/predict/split/csv.ts";
import { splitLines } from "../../../src/predict/split/lines.ts";
import type { Split } from "../../../src/predict/split/record.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Yields text in pieces of some bytes, and reuses their memory. */
async function* pieces(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = encoder.encode(text);
  const space = new Uint8Array(size);
  for (let at = 0; at < bytes.length; at += size) {
    const piece = bytes.subarray(at, at + size);
    space.set(piece);
    await Promise.resolve();
    yield space.subarray(0, piece.length);
  }
}

/** Returns the bodies of all records, and the reasons why some can't be sent. */
async function split(by: Split, text: string, size: number, maxBytes = 1000): Promise<string[]> {
  const found: string[] = [];
  for await (const { body, broken } of by(pieces(text, size), maxBytes, "in.csv")) {
    found.push(broken === undefined ? decoder.decode(body) : `! ${broken}`);
  }
  return found;
}

/** Splits the text from pieces of every size. */
async function check(by: Split, text: string, expected: readonly string[], maxBytes?: number): Promise<void> {
  for (let size = 1; size <= encoder.encode(text).length + 1; size++) {
    assert.deepEqual(await split(by, text, size, maxBytes), expected, `in pieces of ${size} bytes`);
  }
}

Deno.test("splitLines() returns each line without its end, including a last one without a newline", async () => {
  await check(splitLines, '{"a":1}\n{"b":"é"}\n', ['{"a":1}', '{"b":"é"}']);
  await check(splitLines, '{"a":1}\r\n{"b":2}', ['{"a":1}', '{"b":2}']);
  await check(splitLines, "a\rb\n", ["a\rb"]);
  await check(splitLines, "", []);
});

Deno.test("splitLines() skips blank lines", async () => {
  await check(splitLines, "\n\r\n a \n \t\n\nb\n\n", [" a ", "b"]);
});

Deno.test("splitLines() reports a line that is too long, and continues after it", async () => {
  await check(splitLines, `ab\n${"x".repeat(30)}\ncd`, [
    "ab",
    "! The record has 30 bytes; --max-body allows 10",
    "cd",
  ], 10);
});

Deno.test("splitCsv() puts the header before each row", async () => {
  await check(splitCsv, "a,b\n1,2\n3,4\n", ["a,b\n1,2\n", "a,b\n3,4\n"]);
  await check(splitCsv, "a,b\r\n1,2\r\n3,4", ["a,b\r\n1,2\r\n", "a,b\r\n3,4"]);
  await check(splitCsv, "a,b", []);
  await check(splitCsv, "a,b\n\n1,2\n\n", ["a,b\n1,2\n"]);
});

Deno.test("splitCsv() keeps a row whose values are all empty", async () => {
  await check(splitCsv, "a\tb\n1\t2\n\t\n \n3\t4\n", ["a\tb\n1\t2\n", "a\tb\n\t\n", "a\tb\n3\t4\n"]);
  await check(splitCsv, "a,b\r\n,\r\n", ["a,b\r\n,\r\n"]);
});

Deno.test("splitCsv() refuses a table whose rows end with a carriage return alone", async () => {
  for (const text of ["a,b\r1,2\r3,4\r", 'a,"b\r"\r1,2']) {
    await assert.rejects(split(splitCsv, text, 3), {
      message:
        `The rows of 'in.csv' end with a carriage return alone, not with a newline: convert it with "tr '\\r' '\\n'"`,
    });
  }
  await check(splitCsv, '"a\r1",b\r\r\n1,2\r\r\n', ['"a\r1",b\r\r\n1,2\r\r\n']);
});

Deno.test("splitCsv() keeps line breaks, quotes and delimiters in quoted values", async () => {
  await check(splitCsv, '"a\nb",c\n"1,\n""2""\n",3\n4,"5"\n', ['"a\nb",c\n"1,\n""2""\n",3\n', '"a\nb",c\n4,"5"\n']);
});

Deno.test("splitCsv() treats a quote within an unquoted value as an ordinary character", async () => {
  await check(splitCsv, 'size,n\n5" pipe,1\n6" pipe,2\n', ['size,n\n5" pipe,1\n', 'size,n\n6" pipe,2\n']);
});

Deno.test("splitCsv() detects the delimiter in the header", async () => {
  await check(splitCsv, 'a;b\n1;"x\ny"\n', ['a;b\n1;"x\ny"\n']);
  await check(splitCsv, 'a\tb,c\td\n1\t"x\ny"\t3\n', ['a\tb,c\td\n1\t"x\ny"\t3\n']);
});

Deno.test("splitCsv() drops a row whose quoted value never ends", async () => {
  await check(splitCsv, 'a,b\n1,2\n3,"4\n5,6\n', [
    "a,b\n1,2\n",
    "! The row has an unterminated quoted value: the input ends before the closing quote",
  ]);
});

Deno.test("splitCsv() reports a row that is too long, and continues after it", async () => {
  await check(splitCsv, `a,b\n1,"${"x\n".repeat(10)}"\n3,4\n`, [
    "! The record has 25 bytes; --max-body allows 20",
    "a,b\n3,4\n",
  ], 20);
  await assert.rejects(split(splitCsv, `${"a,".repeat(50)}\n1\n`, 7, 20), /header of 'in.csv' has more than 20 bytes/);
});
