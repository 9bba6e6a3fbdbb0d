import assert from "node:assert/strict";
import { answerLine, errorLine, inputValue } from "../../../src/predict/answer_line.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function line(text: string | Uint8Array<ArrayBuffer>, type: string, input?: string): string {
  const found = answerLine(typeof text === "string" ? bytes(text) : text, type, input);
  return found instanceof Uint8Array ? new TextDecoder().decode(found) : `! ${found.type}`;
}

Deno.test("answerLine() removes white space from JSON, but not from its strings", () => {
  assert.equal(
    line('{\n  "a b": [1,\t2],\r\n "c": "d  \\" \\\\"\n}\n', "application/json"),
    '{"a b":[1,2],"c":"d  \\" \\\\"}\n',
  );
  assert.equal(
    line('{"n": 12345678901234567890}', "application/vnd.x+json; charset=utf-8"),
    '{"n":12345678901234567890}\n',
  );
  assert.equal(line("NaN", "application/json"), "NaN\n");
});

Deno.test("answerLine() refuses JSON whose strings are not closed on their line", () => {
  assert.equal(line('{"a": "x\ny"}', "application/json"), "! BrokenJson");
  assert.equal(line('{"a": "x', "application/json"), "! BrokenJson");
  assert.equal(line('{"a": "x\\', "application/json"), "! BrokenJson");
  assert.equal(line('{"a": "x\\\n"}', "application/json"), "! BrokenJson");
});

Deno.test("answerLine() returns a single line of text unchanged", () => {
  assert.equal(line("a  b\r\n", "text/csv"), "a  b\n");
  assert.equal(line("", "text/plain"), "\n");
  assert.equal(line("a\nb\n", "text/csv"), "! SeveralLines");
  assert.equal(line("a\rb", "text/csv"), "! SeveralLines");
  assert.equal(line(new Uint8Array([0xff, 0xd8]), "image/jpeg"), "! NotText");
});

Deno.test("answerLine() puts the input before the answer", () => {
  assert.equal(line('{"b": 2}', "application/json", '{"a":1}'), '{"input":{"a":1},"output":{"b":2}}\n');
  assert.equal(line("x\ny", "text/plain", '"a"'), '{"input":"a","output":"x\\ny"}\n');
});

Deno.test("inputValue() keeps JSON as it was written, and returns other text as a string", () => {
  assert.equal(
    inputValue(bytes(' {"a":  12345678901234567890}\r'), "application/json"),
    '{"a":  12345678901234567890}',
  );
  assert.equal(inputValue(bytes("no JSON"), "application/json"), '"no JSON"');
  assert.equal(inputValue(bytes('a,"b\nc"'), "text/csv"), '"a,\\"b\\nc\\""');
});

Deno.test("errorLine() returns one line, whatever the message is", () => {
  const text = new TextDecoder().decode(errorLine({ record: 3, stage: "predict", type: "E", message: "a\nb" }, "1"));
  assert.equal(text, '{"input":1,"error":{"record":3,"stage":"predict","type":"E","message":"a\\nb"}}\n');
});
