import assert from "node:assert/strict";
import { decode, type DecodeJob, encode } from "../../../../src/http/v2/work.ts";
import { utf8 } from "../../helper/bytes.ts";

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
