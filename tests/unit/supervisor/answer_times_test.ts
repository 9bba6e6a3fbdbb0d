import assert from "node:assert/strict";
import { type Frame, Kind } from "../../../src/bridge/mod.ts";
import { timesAfter, withoutTimes } from "../../../src/supervisor/answer_times.ts";
import { AnswerReader } from "../../../src/supervisor/answers.ts";
import { utf8 } from "../helper/bytes.ts";

const PLAIN = '{"content_type": "text/csv"}';

const withTimes = (times: string, plain = PLAIN) => `${plain.slice(0, -1)}, "times": [${times}]}`;

Deno.test("timesAfter() returns what JSON.parse() does, or nothing", () => {
  const usual = ["0.000001, 0.250000, 12.000000", "0.000000", "3, 4.5", "999999999.123456, 0.000007"];
  for (const times of usual) {
    const metadata = withTimes(times);
    assert.deepEqual(timesAfter(utf8(PLAIN), utf8(metadata)), JSON.parse(metadata).times, times);
  }
  const others = [
    PLAIN,
    withTimes(""),
    withTimes("-1.0"),
    withTimes("1e3"),
    withTimes("NaN"),
    withTimes('"a"'),
    withTimes("[1], 2"),
    withTimes("1.5.5"),
    withTimes(".5"),
    withTimes("1."),
    withTimes("1]]"),
    withTimes("1 2"),
    withTimes("1,, 2"),
    withTimes("1, "),
    withTimes("1,"),
    withTimes("1], 2"),
    withTimes("1.000000") + " ",
    withTimes("12345678901234567.000000"),
    withTimes("1.000000", '{"content_type": "text/html"}'),
    withTimes("1.000000", '{"content_type": "text/csv", "parts": 1}'),
    withTimes("1.000000").slice(0, -1),
    withTimes("1.000000").slice(0, -2),
  ];
  for (const metadata of others) {
    assert.equal(timesAfter(utf8(PLAIN), utf8(metadata)), undefined, metadata);
  }
  for (const plain of ["", "{}"]) {
    assert.equal(timesAfter(utf8(plain), utf8(withTimes("1", plain || "{}"))), undefined, "a comma after a brace");
  }
});

Deno.test("withoutTimes() returns what timesAfter() takes", () => {
  const quoting = JSON.stringify({ content_type: 'a, "times": [1]' });
  for (const plain of [PLAIN, quoting, '{"content_type": "a/b", "parts": 2}']) {
    assert.deepEqual(withoutTimes(utf8(withTimes("0.5, 1", plain))), utf8(plain));
    assert.equal(withoutTimes(utf8(plain)), undefined);
  }
  for (const metadata of ["", "{}", '{"times": [1]}', withTimes("-1")]) {
    assert.equal(withoutTimes(utf8(metadata)), undefined, metadata);
  }
});

Deno.test("AnswerReader reads answers with and without times in any order", () => {
  const reader = new AnswerReader();
  const outcomeOf = (metadata: string) => {
    const frame: Frame = { kind: Kind.Result, id: 1, metadata: utf8(metadata), body: new Uint8Array(0) };
    const outcome = reader.outcome(frame);
    assert.ok(outcome.kind === "result");
    return [outcome.contentType, outcome.times];
  };
  const html = '{"content_type": "text/html"}';
  assert.deepEqual(
    [
      withTimes("0.5, 1.5, 2"),
      PLAIN,
      withTimes("0.000001, 0.000002, 0.000003"),
      PLAIN,
      withTimes("1.0", html),
      withTimes("0.25", html),
      html,
      withTimes("-1, 2"),
      withTimes("0.125", html),
      PLAIN,
      "{}",
      withTimes("0.75"),
      withTimes("nothing").replace("[nothing]", "7"),
      withTimes("0.75"),
      '{"content_type": "text/x", "times": [1e-5]}',
      "",
    ].map(outcomeOf),
    [
      ["text/csv", [0.5, 1.5, 2]],
      ["text/csv", undefined],
      ["text/csv", [0.000001, 0.000002, 0.000003]],
      ["text/csv", undefined],
      ["text/html", [1]],
      ["text/html", [0.25]],
      ["text/html", undefined],
      ["text/csv", [-1, 2]],
      ["text/html", [0.125]],
      ["text/csv", undefined],
      ["application/octet-stream", undefined],
      ["text/csv", [0.75]],
      ["text/csv", undefined],
      ["text/csv", [0.75]],
      ["text/x", [0.00001]],
      ["application/octet-stream", undefined],
    ],
  );
});
