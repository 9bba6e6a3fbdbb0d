/** Bodies of all sizes, which reach the script and return unchanged. */

import assert from "node:assert/strict";
import { equalBytes, pattern, random } from "./support/bytes.ts";
import { RawConnection } from "./support/raw.ts";
import { echo, test } from "./support/sandbox.ts";
import { DESCRIBE } from "./support/scripts.ts";

const MIB = 2 ** 20;

test("serve returns every byte of empty and small bodies, of those around internal limits, and of large ones", async (box) => {
  const server = await box.serve(echo());
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
  await server.stop();
});

test("serve returns every byte of a body of 40 MiB, with Content-Length and in chunks", async (box) => {
  const server = await box.serve(echo());
  const body = pattern(40 * MIB, 40);
  const answer = await server.invoke(body);
  assert.ok(answer.status === 200 && equalBytes(answer.bytes, body));
  const chunked = await server.invoke(new Blob([body]).stream());
  assert.ok(chunked.status === 200 && equalBytes(chunked.bytes, body));
  await server.stop();
});

test("serve accepts an empty body without a length, and one without chunks", async (box) => {
  const server = await box.serve(DESCRIBE);
  for (const head of ["Content-Length: 0\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "\r\n"]) {
    using connection = await RawConnection.open(server.port);
    await connection.send(`POST /invocations HTTP/1.1\r\nHost: localhost\r\n${head}`);
    const answer = await connection.receive();
    assert.equal(answer?.status, 200);
    assert.equal(JSON.parse(answer.body).bytes, 0);
  }
  await server.stop();
});

test("serve answers 100 concurrent requests of 0 to 3 MiB", async (box) => {
  const server = await box.serve(echo());
  const next = random(7);
  const sizes = Array.from({ length: 100 }, () => Math.floor(next() ** 3 * 3 * MIB));
  const results = await Promise.all(sizes.map(async (size, i) => {
    const body = pattern(size, i);
    const { status, bytes } = await server.invoke(body);
    return status === 200 && equalBytes(bytes, body);
  }));
  assert.deepEqual(results.map((ok, i) => ok ? null : sizes[i]).filter((size) => size !== null), []);
  assert.equal(server.workersReady, 1);
  await server.stop();
});

test("serve gives each of 1,000 small requests on 64 connections its own answer", async (box) => {
  const server = await box.serve(echo());
  let next = 0;
  const wrong: string[] = [];
  await Promise.all(Array.from({ length: 64 }, async () => {
    for (let id = next++; id < 1_000; id = next++) {
      const { status, text } = await server.invoke(`request ${id}`);
      if (status !== 200 || text !== `request ${id}`) wrong.push(`${id}: ${status} ${text}`);
    }
  }));
  assert.deepEqual(wrong, []);
  await server.stop();
});
