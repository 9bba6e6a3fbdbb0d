import assert from "node:assert/strict";
import fc from "fast-check";
import { HttpProblem } from "../../../../src/http/problem.ts";
import { callsOf, encodeInferResponse, parseInferRequest, type Signature } from "../../../../src/http/v2/mod.ts";
import { text, utf8 } from "../../helper/bytes.ts";

const MODEL = { name: "m", version: "1" };

/** A request with one input, as JSON. */
function request(input: Record<string, unknown>, more: Record<string, unknown> = {}, signature?: Signature) {
  const whole = { inputs: [{ name: "x", shape: [2], datatype: "FP32", data: [1, 2], ...input }], ...more };
  return parseInferRequest(utf8(JSON.stringify(whole)), undefined, signature);
}

/** Returns what the script gets, as text. */
function handed(input: Record<string, unknown>): string[] {
  return callsOf(request(input), undefined).calls.map(({ body, contentType }) => `${contentType} ${text(body)}`);
}

/** Returns the outputs for a result of the script. */
function outputs(returned: string, type = "application/json", input = {}, more = {}, signature?: Signature) {
  const parsed = request(input, more, signature);
  const { calls } = callsOf(parsed, signature);
  const results = calls.map(() => ({ body: utf8(returned), contentType: type }));
  return JSON.parse(text(encodeInferResponse(MODEL, parsed, results, signature).body)).outputs;
}

function problem(status: number, detail: string | RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof HttpProblem, String(error));
    assert.equal(error.status, status);
    if (typeof detail === "string") assert.equal(error.message, detail);
    else assert.match(error.message, detail);
    return true;
  };
}

for (
  const [input, expected] of [
    [{ shape: [2, 2], data: [1, 2.5, 3, 4] }, "application/json [[1,2.5],[3,4]]"],
    [{ shape: [1, 2, 1], data: [[[1], [2]]] }, "application/json [[[1],[2]]]"],
    [{ shape: [0], data: [] }, "application/json []"],
    [{ shape: [2, 0], data: [] }, "application/json [[],[]]"],
    [{ shape: [], data: [7] }, "application/json 7"],
    [{ datatype: "BOOL", data: [true, 0] }, "application/json [true,false]"],
    [{ datatype: "BYTES", data: ["é", ""] }, 'application/json ["é",""]'],
  ] as const
) {
  Deno.test("callsOf() refuses tensors that become longer than a worker accepts", () => {
    const parsed = request({ shape: [4], data: [1, 2, 3, 4] });
    assert.equal(callsOf(parsed, undefined, 9).calls[0]!.body.length, 9);
    assert.throws(
      () => callsOf(parsed, undefined, 8),
      problem(413, /^The tensors are at least \d+ bytes for the script, over the limit of 8/),
    );
  });

  Deno.test(`callsOf() passes ${JSON.stringify(input)} as JSON in its shape`, () => {
    assert.deepEqual(handed(input), [expected]);
  });
}

Deno.test("callsOf() keeps all digits of INT64, which a JavaScript number could not", () => {
  const body = utf8('{"inputs":[{"name":"x","shape":[2],"datatype":"INT64","data":[9223372036854775807,-1]}]}');
  const { calls } = callsOf(parseInferRequest(body, undefined, undefined), undefined);
  assert.equal(text(calls[0]!.body), "[9223372036854775807,-1]");
});

Deno.test("callsOf() passes several inputs as an object of lists by name", () => {
  const whole = {
    inputs: [
      { name: "a", shape: [1], datatype: "INT8", data: [-1] },
      { name: "b", shape: [1, 1], datatype: "BYTES", data: ["t"] },
    ],
  };
  const { calls } = callsOf(parseInferRequest(utf8(JSON.stringify(whole)), undefined, undefined), undefined);
  assert.equal(text(calls[0]!.body), '{"a":[-1],"b":[["t"]]}');
});

Deno.test("callsOf() passes each BYTES element unchanged when it has a content type", () => {
  const parameters = { content_type: "image/png" };
  assert.deepEqual(handed({ datatype: "BYTES", data: ["a", "b"], parameters }), ["image/png a", "image/png b"]);
  const encoded = handed({
    datatype: "BYTES",
    shape: [1],
    data: ["YQ=="],
    parameters: { ...parameters, encoding: "base64" },
  });
  assert.deepEqual(encoded, ["image/png a"]);
});

Deno.test("callsOf() sets Accept by the request's outputs, or else by the signature's", () => {
  const spec = { name: "y", datatype: "FP32", shape: [-1], content_type: "text/csv" } as const;
  const asked = (outputs: unknown) => callsOf(request({}, { outputs }), { outputs: [spec] }).accept;
  assert.equal(asked([{ name: "y", parameters: { content_type: "text/html" } }]), "text/html");
  assert.equal(asked([{ name: "y" }]), "text/csv");
  assert.equal(callsOf(request({}), undefined).accept, "*/*");
});

for (
  const [input, detail] of [
    [{ name: 1 }, "inputs[0].name must be a string, not 1"],
    [{ datatype: "FLOAT" }, /^inputs\[0\]\.datatype must be one of BOOL, .*, not "FLOAT"$/],
    [{ shape: [-2] }, /^inputs\[0\]\.shape must be/],
    [{ shape: "2" }, 'inputs[0].shape must be a list, not "2"'],
    [{ shape: [2 ** 20, 2 ** 20] }, /^inputs\[0\]\.shape must be/],
    [{ shape: [2_000_000_000, 0], data: [] }, /^The inputs contain 2000000000 empty lists/],
    [{ shape: [100_000, 0], data: [] }, /^The inputs contain 100000 empty lists/],
    [{ shape: [300, 300, 0, 2], data: [] }, /^The inputs contain 90000 empty lists/],
    [{ shape: [0, 2 ** 20, 2 ** 20], data: [] }, /^inputs\[0\]\.shape must be/],
    [{ shape: [2 ** 20, 2 ** 20, 0], data: [] }, /^inputs\[0\]\.shape must be/],
    [{ shape: [3] }, "inputs[0].data has 2 elements, but its shape has 3"],
    [{ data: [1, "a"] }, 'inputs[0].data must hold numbers, not "a"'],
    [{ data: [1, null] }, "inputs[0].data must hold numbers, not null"],
    [{ data: null }, "inputs[0].data must be a list, not null"],
    [{ datatype: "UINT8", data: [1, 256] }, "The tensor 'x' holds 256, which is not a valid UINT8"],
    [{ datatype: "INT64", data: [1, 0.5] }, "The tensor 'x' holds 0.5, which is not a valid INT64"],
    [{ datatype: "BYTES", data: ["a", 1] }, "inputs[0].data must hold strings, not 1"],
    [{ parameters: { content_type: "image/png" } }, /can be passed as application\/json or application\/x-npy/],
    [{ datatype: "BF16", parameters: { content_type: "application/x-npy" } }, /BF16 can't be passed/],
    [{ parameters: { shared_memory_region: "r" } }, /shared memory is not supported/],
    [{ data: undefined, parameters: { binary_data_size: 8 } }, /binary_data_size is 8, and there are 0 bytes/],
    [{ datatype: "BYTES", data: ["a", "b"], parameters: { encoding: "base64", content_type: "x/y" } }, /is not base64/],
  ] as const
) {
  Deno.test(`a request with ${JSON.stringify(input)} is refused with 400`, () => {
    assert.throws(() => handed(input), problem(400, detail));
  });
}

Deno.test("parseInferRequest() refuses what a script's signature does not allow", () => {
  const signature: Signature = { inputs: [{ name: "x", datatype: "FP32", shape: [-1, 2] }] };
  assert.ok(request({ shape: [1, 2] }, {}, signature));
  assert.throws(() => request({}, {}, signature), problem(400, /must be FP32 \[-1, 2\] .* not FP32 \[2\]$/));
  assert.throws(() => request({ name: "y" }, {}, signature), problem(400, "The model has no input 'y'; it has x"));
});

for (
  const [returned, type, expected] of [
    ["7", "application/json", { datatype: "INT64", shape: [1], data: [7] }],
    ["7.0", "application/json", { datatype: "FP64", shape: [1], data: [7] }],
    ["[[1,2],[3,4]]", "application/json; charset=utf-8", { datatype: "INT64", shape: [2, 2], data: [1, 2, 3, 4] }],
    ["[1.0,2]", "application/json", { datatype: "FP64", shape: [2], data: [1, 2] }],
    ["[true]", "application/vnd.x+json", { datatype: "BOOL", shape: [1], data: [true] }],
    ['"a"', "application/json", { datatype: "BYTES", shape: [1], data: ["a"] }],
    ["[[1],[2,3]]", "application/json", {
      datatype: "BYTES",
      shape: [1],
      parameters: { content_type: "application/json" },
      data: ["[[1],[2,3]]"],
    }],
    ["a,b", "text/csv", { datatype: "BYTES", shape: [1], parameters: { content_type: "text/csv" }, data: ["a,b"] }],
  ] as const
) {
  Deno.test(`encodeInferResponse() converts '${returned}' of type ${type} to a tensor`, () => {
    assert.deepEqual(outputs(returned, type), [{ name: "output", ...expected }]);
  });
}

Deno.test("encodeInferResponse() converts each member of an object to a tensor of its own datatype", () => {
  assert.deepEqual(
    outputs('{"a":[1.0],"b":2,"c":["x"]}').map((o: Record<string, unknown>) => [o["name"], o["datatype"]]),
    [
      ["a", "FP64"],
      ["b", "INT64"],
      ["c", "BYTES"],
    ],
  );
});

Deno.test("encodeInferResponse() stacks the results when each element was a call of its own", () => {
  const input = { datatype: "BYTES", data: ["a", "b"], parameters: { content_type: "x/y" } };
  assert.deepEqual(outputs("[1,2]", "application/json", input), [
    { name: "output", datatype: "INT64", shape: [2, 2], data: [1, 2, 1, 2] },
  ]);
  assert.deepEqual(outputs("5", "application/json", input)[0].shape, [2]);
  assert.deepEqual(outputs("x", "text/plain", input)[0].data, ["x", "x"]);
});

Deno.test("encodeInferResponse() follows the signature, or answers 500 with what the script returned instead", () => {
  const signature: Signature = { outputs: [{ name: "y", datatype: "INT8", shape: [-1] }] };
  assert.deepEqual(outputs("[1.0,-2]", "application/json", {}, {}, signature), [
    { name: "y", datatype: "INT8", shape: [2], data: [1, -2] },
  ]);
  const refused = /promised an output 'y' of INT8 \[-1\], and returned FP64 \[2\]$/;
  assert.throws(() => outputs("[1.5,2]", "application/json", {}, {}, signature), problem(500, refused));
  const tooLarge = "The tensor 'y' holds 300, which is not a valid INT8";
  assert.throws(() => outputs("[300]", "application/json", {}, {}, signature), problem(500, tooLarge));
});

Deno.test("encodeInferResponse() sends the requested outputs, and refuses unknown ones", () => {
  assert.deepEqual(outputs('{"a":1,"b":2}', "application/json", {}, { outputs: [{ name: "b" }] })[0].name, "b");
  const unknown = "The output 'c' does not exist; known outputs: 'a', 'b'";
  assert.throws(
    () => outputs('{"a":1,"b":2}', "application/json", {}, { outputs: [{ name: "c" }] }),
    problem(400, unknown),
  );
});

Deno.test("numeric tensors survive a round trip through NumPy's file format", () => {
  const sizes = { BOOL: 1, UINT8: 1, INT16: 2, FP16: 2, UINT32: 4, FP32: 4, INT64: 8, FP64: 8 };
  fc.assert(fc.property(
    fc.constantFrom(...Object.keys(sizes) as (keyof typeof sizes)[]),
    fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
    fc.integer({ min: 0, max: 255 }),
    (datatype, shape, seed) => {
      const count = shape.reduce((a, b) => a * b, 1);
      const bytes = Uint8Array.from({ length: count * sizes[datatype] }, (_, i) => (seed + i * 7) % 256);
      const json = utf8(JSON.stringify({
        id: "i",
        inputs: [{
          name: "x",
          datatype,
          shape,
          parameters: { content_type: "application/x-npy", binary_data_size: bytes.length },
        }],
        parameters: { binary_data_output: true },
      }));
      const parsed = parseInferRequest(new Uint8Array([...json, ...bytes]), json.length, undefined);
      const { calls: [call] } = callsOf(parsed, undefined);
      assert.equal((call!.body.length - bytes.length) % 64, 0);
      const { body, headers } = encodeInferResponse(MODEL, parsed, [call!], undefined);
      const length = Number(headers["inference-header-content-length"]);
      const answer = JSON.parse(text(body.subarray(0, length)));
      assert.deepEqual(body.subarray(length), bytes);
      assert.deepEqual(answer.outputs[0].datatype, datatype);
      assert.deepEqual(answer.outputs[0].shape, shape.length === 0 ? [1] : shape);
    },
  ));
});

Deno.test("a request of random bytes is refused with 400", () => {
  const word = fc.constantFrom(
    "name",
    "shape",
    "datatype",
    "data",
    "parameters",
    "FP32",
    "BYTES",
    "INT64",
    "content_type",
  );
  const rubbish = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.constantFrom(null, true, 0, 1, -1, 1.5, 1e300, "", "application/x-npy"),
      word,
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(word, tie("value"), { maxKeys: 5 }),
    ),
  })).value;
  fc.assert(
    fc.property(
      fc.oneof(fc.record({ inputs: fc.array(rubbish, { maxLength: 3 }) }), rubbish),
      fc.option(fc.nat(200)),
      (value, length) => {
        try {
          const parsed = parseInferRequest(utf8(JSON.stringify(value) ?? ""), length ?? undefined, undefined);
          callsOf(parsed, undefined);
        } catch (error) {
          assert.ok(error instanceof HttpProblem && error.status === 400, String(error));
        }
      },
    ),
    { numRuns: 3000 },
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(300), (bytes, length) => {
    assert.throws(() => parseInferRequest(new Uint8Array(bytes), length, undefined), problem(400, /./));
  }));
});

Deno.test("a request nested a hundred thousand levels deep is refused with 400", () => {
  const deep = `{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":${"[".repeat(1e5)}1${"]".repeat(1e5)}}]}`;
  assert.throws(() => parseInferRequest(utf8(deep), undefined, undefined), problem(400, /./));
});
