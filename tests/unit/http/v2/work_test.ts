import assert from "node:assert/strict";
import { decodeNpy, encodeNpy } from "../../../../src/http/v2/npy.ts";
import { decode, type DecodeJob, encode } from "../../../../src/http/v2/work.ts";
import { equalBytes, text, utf8 } from "../../helper/bytes.ts";

/** The most JSON that the main thread writes for one request, in bytes: a few milliseconds of work. */
const MOST_AT_ONCE = 512 * 1024;

/** A request in JSON. */
function json(...inputs: unknown[]): DecodeJob {
  return { body: utf8(JSON.stringify({ inputs })), jsonLength: undefined, signature: undefined, most: 2 ** 31 };
}

/** A request with a binary tensor of equal bytes. */
function raw(datatype: string, shape: readonly number[], size: number, value = 0): DecodeJob {
  const head = utf8(
    JSON.stringify({ inputs: [{ name: "a", datatype, shape, parameters: { binary_data_size: size } }] }),
  );
  const body = new Uint8Array(head.length + size).fill(value, head.length);
  body.set(head);
  return { body, jsonLength: head.length, signature: undefined, most: 2 ** 31 };
}

const MIB = 2 ** 20;
const bools = (count: number) => ({ name: "a", datatype: "BOOL", shape: [count], data: new Array(count).fill(true) });

for (
  const [what, job] of [
    ["a tensor in JSON", json(bools(20_000))],
    ["many tensors", json(...Array.from({ length: 2000 }, (_, i) => ({ ...bools(0), name: `a${i}` })))],
    ["spaces", { ...json(bools(1)), body: utf8(`{"inputs":${" ".repeat(MIB)}[]}`) }],
    ["nesting", { ...json(), body: utf8(`{"inputs":${"[".repeat(MIB)}`) }],
    ["empty strings", raw("BYTES", [MIB], 4 * MIB)],
    ["numbers of a byte", raw("UINT8", [MIB], MIB, 200)],
    ["numbers with many digits", raw("FP64", [MIB / 8], MIB, 77)],
    ["half floats", raw("FP16", [MIB], 2 * MIB, 77)],
    ["more than is copied quickly", raw("UINT8", [9 * MIB], 9 * MIB)],
  ] as const
) {
  Deno.test(`decode() in quick mode leaves a request of ${what} to a thread`, () => {
    assert.equal(decode(job, true), undefined);
  });
}

for (
  const [what, job] of [
    ["empty lists", json({ name: "a", datatype: "BOOL", shape: [65_535, 0], data: [] })],
    ["lists of empty lists", json({ name: "a", datatype: "BOOL", shape: [8, 8, 8, 8, 8, 0], data: [] })],
    ["numbers of a byte", raw("UINT8", [60_000], 60_000, 200)],
    ["empty strings", raw("BYTES", [60_000], 240_000)],
    ["floats", raw("FP64", [30_000], 240_000, 77)],
    ["a tensor in JSON", json(bools(12_000))],
  ] as const
) {
  Deno.test(`decode() in quick mode makes little of ${what}, or leaves that to a thread`, () => {
    const made = decode(job, true)?.calls.reduce((sum, { body }) => sum + body.length, 0) ?? 0;
    assert.ok(made <= MOST_AT_ONCE, `${made}`);
  });
}

Deno.test("encode() in quick mode leaves many results to a thread", () => {
  const { asked } = decode(json(bools(1)), false);
  const results = Array.from({ length: 100 }, () => ({ body: utf8("1,".repeat(500)), contentType: "text/plain" }));
  const job = { model: { name: "m", version: "1" }, asked, results, signature: undefined };
  assert.equal(encode(job, true), undefined);
});

/** A request whose input is passed on as a NumPy file, and whose answer is to be in binary. */
function numpy(count: number): DecodeJob {
  const parameters = { binary_data_size: 4 * count, content_type: "application/x-npy" };
  const request = {
    id: "x".repeat(100),
    inputs: [{ name: "a", datatype: "FP32", shape: [count], parameters }],
    parameters: { binary_data_output: true },
  };
  const head = utf8(JSON.stringify(request));
  const body = new Uint8Array(head.length + 4 * count);
  body.set(head);
  body.set(new Uint8Array(Float32Array.from({ length: count }, (_, i) => i).buffer), head.length);
  return { body, jsonLength: head.length, signature: undefined, most: 2 ** 31 };
}

Deno.test("decode() makes a NumPy file of a tensor in binary where the request is, without a copy", () => {
  const job = numpy(MIB / 4);
  // As in a slot, there may be other bytes before the request.
  const place = new Uint8Array(100 + job.body.length).fill(7);
  place.set(job.body, 100);
  const call = decode({ ...job, body: place.subarray(100) }, true)?.calls[0];
  assert.equal(call?.body.buffer, place.buffer);
  assert.equal(call.body.byteOffset + call.body.length, place.length);
  assert.ok(place.subarray(0, 100).every((byte) => byte === 7));
  const { shape, datatype, bytes } = decodeNpy(call.body);
  assert.deepEqual([shape, datatype], [[MIB / 4], "FP32"]);
  assert.ok(equalBytes(bytes!, new Uint8Array(Float32Array.from({ length: MIB / 4 }, (_, i) => i).buffer)));
});

Deno.test("decode() copies a tensor in binary when there is no room for the header of a NumPy file before it", () => {
  const tensor = { name: "a", datatype: "UINT8", shape: [2], bytes: Uint8Array.of(5, 6) } as const;
  const whole = new Uint8Array([1, 2, 3, 5, 6]);
  const file = encodeNpy({ ...tensor, bytes: whole.subarray(3) }, 3);
  assert.deepEqual(decodeNpy(file).bytes, tensor.bytes);
  assert.deepEqual([...whole], [1, 2, 3, 5, 6]);
});

Deno.test("encode() in quick mode writes megabytes of raw tensors, but leaves as many numbers in JSON to a thread", () => {
  const { asked } = decode(numpy(1), false);
  const file = encodeNpy({ name: "a", datatype: "FP32", shape: [MIB / 4], bytes: new Uint8Array(MIB).fill(1) });
  const job = {
    model: { name: "m", version: "1" },
    asked,
    results: [{ body: file, contentType: "application/x-npy" }],
    signature: undefined,
  };
  const encoded = encode(job, true);
  assert.ok(encoded !== undefined && encoded.body.length > MIB);
  assert.ok(encoded.body.subarray(-MIB).every((byte) => byte === 1));
  assert.equal(encode({ ...job, asked: { ...asked, binary: false } }, true), undefined);
  const outputs = [{ name: "output", contentType: undefined, binary: false }];
  assert.equal(encode({ ...job, asked: { ...asked, outputs } }, true), undefined);
});

Deno.test("encode() writes the JSON into the room before a raw tensor, and copies the tensor when there is no room", () => {
  const { asked } = decode(numpy(1), false);
  const file = encodeNpy({ name: "a", datatype: "UINT8", shape: [1000], bytes: new Uint8Array(1000).fill(1) });
  for (const room of [undefined, 0, 10, 4096]) {
    const place = new Uint8Array((room ?? 0) + 50 + file.length).fill(7);
    const body = place.subarray(50 + (room ?? 0));
    body.set(file);
    const results = [{ body, contentType: "application/x-npy", room }];
    const job = { model: { name: "m", version: "1" }, asked, results, signature: undefined };
    const encoded = encode(job, true);
    assert.ok(encoded !== undefined);
    const length = Number(encoded.headers["inference-header-content-length"]);
    const json = JSON.parse(text(encoded.body.subarray(0, length)));
    assert.deepEqual(json.outputs[0].shape, [1000]);
    assert.ok(encoded.body.length === length + 1000 && encoded.body.subarray(length).every((byte) => byte === 1));
    assert.equal(encoded.body.buffer === place.buffer, room === 4096);
    assert.ok(place.subarray(0, 50).every((byte) => byte === 7), "what is before the room stays");
  }
});
