/** Limits of requests: each of these requests is small compared to the work or memory that it would cost. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { HttpProblem } from "../../../../src/http/problem.ts";
import { callsOf, encodeInferResponse, parseInferRequest } from "../../../../src/http/v2/mod.ts";
import { concat, text, utf8 } from "../../helper/bytes.ts";

const INPUT = { name: "x", shape: [1], datatype: "INT32", data: [1] };

/** Returns what the script gets of a request, as text. @param most see callsOf() */
function handed(request: string | Record<string, unknown>, raw = new Uint8Array(0), most?: number): string[] {
  const json = utf8(typeof request === "string" ? request : JSON.stringify(request));
  const body = concat(json, raw);
  const parsed = parseInferRequest(body, raw.length === 0 ? undefined : json.length, undefined);
  return callsOf(parsed, undefined, most).calls.map(({ body }) => text(body));
}

const input = (more: Record<string, unknown>) => ({ inputs: [{ ...INPUT, ...more }] });
const raw = (more: Record<string, unknown>, size: number) =>
  input({ data: undefined, ...more, parameters: { binary_data_size: size } });
const long = "n".repeat(1025);
const deep = (levels: number) => "[".repeat(levels) + "1" + "]".repeat(levels);

for (
  const [what, request, detail] of [
    [
      "very many inputs",
      { inputs: Array.from({ length: 1025 }, (_, i) => ({ ...INPUT, name: `${i}` })) },
      /inputs may have at most 1024 tensors, not 1025/,
    ],
    [
      "very many outputs",
      { ...input({}), outputs: Array.from({ length: 1025 }, (_, i) => ({ name: `${i}` })) },
      /outputs may have at most 1024 tensors/,
    ],
    [
      "one output twice",
      { ...input({}), outputs: [{ name: "a" }, { name: "a" }] },
      /Two of the outputs have the same name/,
    ],
    ["a long name", input({ name: long }), /inputs\[0\]\.name may have at most 1024 characters, not 1025/],
    ["a long id", { ...input({}), id: long }, /id may have at most 1024 characters/],
    [
      "a long content type",
      input({ parameters: { content_type: long } }),
      /content_type may have at most 1024 characters/,
    ],
    ["a long name of an output", { ...input({}), outputs: [{ name: long }] }, /outputs\[0\]\.name may have/],
    [
      "much beside the data",
      { ...input({}), parameters: { a: "x".repeat(2 ** 20) } },
      /more than 1048576 bytes beside the data/,
    ],
    [
      "many members beside the data",
      `{"inputs":[${JSON.stringify(INPUT)}],"parameters":{${
        Array.from({ length: 200_000 }, (_, i) => `"${i}":0`).join()
      }}}`,
      /beside the data/,
    ],
    [
      "deep parameters",
      JSON.stringify({ ...input({}), parameters: "?" }).replace('"?"', '{"a":'.repeat(70) + "1" + "}".repeat(70)),
      /nested more than 64 deep/,
    ],
    [
      "deep data",
      `{"inputs":[{"name":"x","shape":[1],"datatype":"INT32","data":${deep(33)}}]}`,
      /nested more than 32 deep/,
    ],
    [
      "very deep data",
      `{"inputs":[{"name":"x","shape":[1],"datatype":"INT32","data":${deep(100_000)}}]}`,
      /nested more than 64 deep/,
    ],
    [
      "an integer of a million digits",
      `{"inputs":[{"name":"x","shape":[1],"datatype":"INT64","data":[${"9".repeat(1e6)}]}]}`,
      /more than 512 characters/,
    ],
    [
      "a shape of such an integer",
      `{"inputs":[{"name":"x","shape":[${"9".repeat(1e6)}],"datatype":"INT64","data":[]}]}`,
      /more than 512 characters/,
    ],
    [
      "an integer of 500 digits",
      `{"inputs":[{"name":"x","shape":[1],"datatype":"INT64","data":[${"9".repeat(500)}]}]}`,
      /holds 9{60}…, which is not a valid INT64/,
    ],
    [
      "infinity",
      '{"inputs":[{"name":"x","shape":[1],"datatype":"FP64","data":[1e999]}]}',
      /holds 1e999, which is not a valid FP64/,
    ],
    [
      "a shape that promises more than there is",
      input({ shape: [2 ** 31], data: [1] }),
      /has 1 elements, but its shape has 2147483648/,
    ],
    [
      "the same for NumPy",
      input({ shape: [2 ** 31], data: [1], parameters: { content_type: "application/x-npy" } }),
      /has 1 elements/,
    ],
    ["a shape with a fraction", input({ shape: [1.5] }), /shape must be/],
    ["more elements than the shape says", input({ data: [1, 2, 3] }), /has 3 elements, but its shape has 1/],
    ["data that is an object", input({ data: { a: 1 } }), /data must be a list, not an object/],
    ["objects in data", input({ data: [{}] }), /must hold numbers, not an object/],
    ["data that is missing", input({ data: undefined }), /data must be a list, not missing/],
    ["data that is a number", input({ data: 0 }), /data must be a list, not 0/],
    ["binary data that is not there", raw({}, 2 ** 40), /binary_data_size is 1099511627776, and there are 0 bytes/],
    ["binary data of less than nothing", raw({}, -1), /binary_data_size is -1/],
    ["binary data of a part of a byte", raw({}, 0.5), /binary_data_size is 0\.5/],
    [
      "very many elements in base64",
      input({ datatype: "BYTES", shape: [70_000], data: Array(70_000).fill(""), parameters: { encoding: "base64" } }),
      /65536 elements in base64/,
    ],
    [
      "very many calls",
      input({ datatype: "BYTES", shape: [1025], data: Array(1025).fill(""), parameters: { content_type: "a/b" } }),
      /has 1025 elements of a\/b.*at most 1024/,
    ],
  ] as [string, string | Record<string, unknown>, RegExp][]
) {
  Deno.test(`a request with ${what} is refused with 400`, () => {
    assert.throws(() => handed(request), (error) => {
      assert.ok(error instanceof HttpProblem && error.status === 400, String(error));
      assert.match(error.message, detail);
      assert.ok(error.message.length < 1000, "and the message is short");
      return true;
    });
  });
}

Deno.test("false declarations of binary data are refused", () => {
  assert.throws(
    () => handed(raw({ datatype: "BYTES" }, 4), new Uint8Array(4).fill(255)),
    /are not 1 elements of BYTES/,
  );
  assert.throws(() => handed(raw({}, 4), new Uint8Array(8)), /4 bytes more than the binary_data_size/);
  // A million empty strings.
  const many = new Uint8Array(4_000_000);
  assert.throws(() => handed(raw({ datatype: "BYTES", shape: [999_999] }, many.length), many), /not 999999 elements/);
  assert.equal(handed(raw({ datatype: "BYTES", shape: [1_000_000] }, many.length), many)[0]!.length, 3_000_001);
});

Deno.test("tensors whose JSON would exceed the limit are refused with 413", () => {
  const tooMuch = {
    status: 413,
    message:
      /at least \d+ bytes for the script, over the limit of 1000 \(--max-body\): send fewer, or one as application\/x-npy/,
  };
  const ones = new Uint8Array(400).fill(1);
  assert.throws(() => handed(raw({ datatype: "BOOL", shape: [400] }, 400), ones, 1000), tooMuch);
  assert.equal(handed(raw({ datatype: "INT8", shape: [400] }, 400), ones, 1000)[0]!.length, 801);
  // Each element is nested in 30 lists.
  const shape = [400, ...Array(30).fill(1)];
  assert.throws(() => handed(raw({ datatype: "INT8", shape }, 400), ones, 1000), tooMuch);
  assert.throws(() => handed(input({ shape, data: Array(400).fill(1) }), undefined, 1000), tooMuch);
  assert.throws(() => handed(input({ shape: [65_536, 0], data: [] }), undefined, 1000), tooMuch);
  const inputs = Array.from({ length: 10 }, (_, i) => ({ ...INPUT, name: `${i}`, shape: [100, 0], data: [] }));
  assert.throws(() => handed({ inputs }, undefined, 1000), tooMuch);
});

Deno.test("tensor elements keep the exact values that were sent", () => {
  const data = "[ 1.0,\\n-0.5e3,[true], 12345678901234567890 ]".replace("\\n", "\n");
  assert.deepEqual(handed(`{"inputs":[{"name":"x","shape":[2,2],"datatype":"FP64","data":${data}}]}`), [
    "[[1.0,-0.5e3],[true,12345678901234567890]]",
  ]);
  assert.deepEqual(
    handed('{"inputs":[{"name":"x","shape":[3],"datatype":"INT64","data":[1.0,1e2,-9223372036854775808]}]}'),
    [
      "[1,100,-9223372036854775808]",
    ],
  );
  assert.deepEqual(handed('{"inputs":[{"d\\u0061ta":["\\u00e9\\ud800"],"name":"x","shape":[1],"datatype":"BYTES"}]}'), [
    '["\\u00e9\\ud800"]',
  ]);
  assert.throws(
    () => handed('{"inputs":[{"name":"x","shape":[1],"datatype":"INT64","data":[9223372036854775808]}]}'),
    /holds 9223372036854775808, which is not a valid INT64/,
  );
});

Deno.test("a tensor is passed on in its shape, however its data are nested", () => {
  const nest = (values: readonly number[], shape: readonly number[]): unknown => {
    if (shape.length === 0) return values[0];
    const [first, ...rest] = shape;
    const size = rest.reduce((a, b) => a * b, 1);
    return Array.from({ length: first! }, (_, i) => nest(values.slice(i * size, (i + 1) * size), rest));
  };
  fc.assert(fc.property(
    fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 5 }),
    fc.boolean(),
    fc.boolean(),
    (shape, flat, binary) => {
      const count = shape.reduce((a, b) => a * b, 1);
      const values = Array.from({ length: count }, (_, i) => i % 100);
      const expected = [JSON.stringify(nest(values, shape))];
      if (binary) {
        assert.deepEqual(
          handed(raw({ datatype: "UINT8", shape }, count), Uint8Array.from(values)),
          count > 0 ? expected : handed(input({ shape, data: [] })),
        );
      } else {
        const nested = nest(values, shape);
        const data = flat || !Array.isArray(nested) ? values : nested;
        assert.deepEqual(handed(input({ shape, data })), expected);
      }
    },
  ));
});

Deno.test("a script's answer is converted with a bounded amount of work", () => {
  const parsed = parseInferRequest(utf8(JSON.stringify(input({}))), undefined, undefined);
  const outputs = (returned: string) => {
    const results = [{ body: utf8(returned), contentType: "application/json" }];
    return JSON.parse(text(encodeInferResponse({ name: "m", version: "1" }, parsed, results, undefined).body)).outputs;
  };
  const members = (count: number) => `{${Array.from({ length: count }, (_, i) => `"${i}":[${i}]`).join()}}`;
  assert.equal(outputs(members(4096)).length, 4096);
  assert.equal(outputs(members(4097))[0].datatype, "BYTES", "more are no tensors");
  assert.equal(outputs(`[${"[".repeat(500)}${"]".repeat(500)}]`)[0].datatype, "BYTES");
  assert.throws(() => outputs("[".repeat(1001) + "]".repeat(1001)), {
    status: 500,
    message: /nested more than 1000 deep/,
  });
  for (const returned of ["[NaN]", "[1,]", "{", "[1] 2", "\ud83d"]) {
    assert.throws(() => outputs(returned), { status: 500, message: /which is not JSON: / }, returned);
  }
  for (
    const [returned, datatype, shape] of [
      ["[[],[]]", "FP64", [2, 0]],
      ["[[[]],[[]]]", "FP64", [2, 1, 0]],
      ["[[],[1]]", "BYTES", [1]],
      ["[[1],[]]", "BYTES", [1]],
      ["[[],[[]]]", "BYTES", [1]],
      ["[1,[2]]", "BYTES", [1]],
      ["[[1],2]", "BYTES", [1]],
      ["[1,null]", "BYTES", [1]],
      ["[1,true]", "BYTES", [1]],
      ["[{}]", "BYTES", [1]],
      ['{"a":[1],"b":{}}', "BYTES", [1]],
      ["null", "BYTES", [1]],
      ["{}", "BYTES", [1]],
      ['{"a":1,"a":[1.5,2]}', "FP64", [2]],
      ["18446744073709551615", "INT64", [1]],
    ] as const
  ) {
    const [output] = outputs(returned);
    assert.deepEqual([output.datatype, output.shape], [datatype, shape], returned);
  }
});
