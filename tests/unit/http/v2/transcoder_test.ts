import assert from "node:assert/strict";
import { type Client, Transcoder } from "../../../../src/http/v2/transcoder.ts";
import { decode, type DecodeJob, encode } from "../../../../src/http/v2/work.ts";
import { equalBytes, utf8 } from "../../helper/bytes.ts";

const HERE: Client = { left: false };

/** A request with so many numbers. */
function job(count: number, more: Record<string, unknown> = {}): DecodeJob {
  const data = Array.from({ length: count }, (_, i) => i);
  const body = utf8(JSON.stringify({ inputs: [{ name: "x", datatype: "INT32", shape: [count], data, ...more }] }));
  return { body, jsonLength: undefined, signature: undefined, most: 2 ** 30 };
}

type Bodies = readonly { readonly body: Uint8Array }[];

/** Compares bodies as text, since comparing them as values takes very long. */
function same(some: Bodies, others: Bodies): void {
  assert.equal(some.length, others.length);
  assert.ok(some.every(({ body }, i) => equalBytes(body, others[i]!.body)));
}

Deno.test("Transcoder converts large tensors in a thread, with the same result, while small ones are converted", async () => {
  using transcoder = new Transcoder();
  for (const count of [10, 300_000]) {
    const expected = decode(job(count), false);
    const large = count > 10;
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const given = job(count);
    const decoded = await transcoder.decode(given, HERE);
    clearInterval(timer);
    same(decoded.calls, expected.calls);
    assert.deepEqual([decoded.accept, decoded.asked], [expected.accept, expected.asked]);
    assert.equal(turns > 0, large);
    assert.equal(given.body.length === 0, large, "a thread has the body now");
    const results = () => decoded.calls.map(({ body, contentType }) => ({ body: body.slice(), contentType }));
    const answer = {
      model: { name: "m", version: "1" },
      asked: decoded.asked,
      results: results(),
      signature: undefined,
    };
    same([await transcoder.encode({ ...answer, results: results() }, HERE)], [encode(answer, false)]);
  }
});

Deno.test("Transcoder does not transfer memory that a body shares with others", async () => {
  using transcoder = new Transcoder();
  const { body, ...rest } = job(100_000);
  const shared = new Uint8Array(body.length + 8).fill(7);
  shared.set(body, 4);
  await transcoder.decode({ ...rest, body: shared.subarray(4, 4 + body.length) }, HERE);
  assert.deepEqual([...shared.subarray(0, 5), ...shared.subarray(-4)], [7, 7, 7, 7, 0x7b, 7, 7, 7, 7]);
});

Deno.test("Transcoder reports errors of its thread, runs several conversions at once, and none for disconnected clients", async () => {
  using transcoder = new Transcoder();
  const wrong = transcoder.decode(job(100_000, { shape: [3] }), HERE);
  await assert.rejects(wrong, { status: 400, message: "inputs[0].data has 100000 elements, but its shape has 3" });
  const many = Array.from({ length: 5 }, () => transcoder.decode(job(100_000), HERE));
  const left = transcoder.decode(job(100_000), { left: true });
  await assert.rejects(left, { status: 503, message: "The client left" });
  for (const { calls } of await Promise.all(many)) assert.equal(calls.length, 1);
});
