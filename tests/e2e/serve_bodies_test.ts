/** Bodies of all sizes, which reach the script and return unchanged. */

import assert from "node:assert/strict";
import { equalBytes, pattern, random } from "./support/bytes.ts";
import { onOneServer } from "./support/one_server.ts";
import { echo } from "./support/sandbox.ts";

const MIB = 2 ** 20;

const echoing = onOneServer((box) => box.serve(echo()));

echoing(
  "serve returns every byte of empty and small bodies, of those around internal limits, and of large ones",
  async (server) => {
    const sizes = [0, 1, 2, 1023, 16 * 1024, 16 * 1024 + 1, 32 * 1024 + 1];
    for (const edge of [64 * 1024, 128 * 1024, MIB, 16 * MIB]) sizes.push(edge - 1, edge, edge + 1);
    for (const size of sizes) {
      const body = pattern(size, size);
      const answer = await server.invoke(body);
      assert.equal(answer.status, 200);
      assert.ok(equalBytes(answer.bytes, body), `${size} bytes, got ${answer.bytes.length}`);
      assert.equal(Number(answer.headers.get("content-length")), size);
    }
    assert.equal(server.workersReady, 1);
  },
);

echoing("serve returns every byte of a body of 40 MiB, with Content-Length and in chunks", async (server) => {
  const body = pattern(40 * MIB, 40);
  const answer = await server.invoke(body);
  assert.ok(answer.status === 200 && equalBytes(answer.bytes, body));
  const chunked = await server.invoke(new Blob([body]).stream());
  assert.ok(chunked.status === 200 && equalBytes(chunked.bytes, body));
});

echoing("serve answers 100 concurrent requests of 0 to 3 MiB", async (server) => {
  const next = random(7);
  const sizes = Array.from({ length: 100 }, () => Math.floor(next() ** 3 * 3 * MIB));
  const results = await Promise.all(sizes.map(async (size, i) => {
    const body = pattern(size, i);
    const { status, bytes } = await server.invoke(body);
    return status === 200 && equalBytes(bytes, body);
  }));
  assert.deepEqual(results.map((ok, i) => ok ? null : sizes[i]).filter((size) => size !== null), []);
  assert.equal(server.workersReady, 1);
});

echoing("serve gives each of 1,000 small requests on 64 connections its own answer", async (server) => {
  let next = 0;
  const wrong: string[] = [];
  await Promise.all(Array.from({ length: 64 }, async () => {
    for (let id = next++; id < 1_000; id = next++) {
      const { status, text } = await server.invoke(`request ${id}`);
      if (status !== 200 || text !== `request ${id}`) wrong.push(`${id}: ${status} ${text}`);
    }
  }));
  assert.deepEqual(wrong, []);
});
