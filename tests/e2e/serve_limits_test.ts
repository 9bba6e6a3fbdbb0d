/** The size limits of requests. */

import assert from "node:assert/strict";
import { chunks, equalBytes, pattern } from "./support/bytes.ts";
import { onOneServer } from "./support/one_server.ts";
import { RawConnection } from "./support/raw.ts";
import { echo, test } from "./support/sandbox.ts";
import { problemOf } from "./support/server.ts";

const MIB = 2 ** 20;

test("serve answers 413 to a body over --max-body, with Content-Length or in chunks, and accepts one at the limit", async (box) => {
  const server = await box.serve(echo(), { args: ["--port", "0", "--max-body", "100k"] });
  const limit = 100 * 1024;
  assert.ok(equalBytes((await server.invoke(pattern(limit))).bytes, pattern(limit)));
  const answer = await server.invoke(pattern(limit + 1));
  assert.equal(answer.status, 413);
  assert.match(problemOf(answer).detail, /102400 bytes \(--max-body\)/);

  const chunked = await server.invoke(chunks(limit + 1, 10_000));
  assert.equal(chunked.status, 413);
  problemOf(chunked);
  const fitting = await server.invoke(chunks(limit, 10_000));
  assert.deepEqual([fitting.status, fitting.bytes.length], [200, limit]);

  // A body with a declared length is refused before it is sent, and an endless one at the limit.
  using declared = await RawConnection.open(server.port);
  await declared.send("POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n");
  assert.equal((await declared.receive())?.status, 413);
  using endless = await RawConnection.open(server.port);
  await endless.send("POST /invocations HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
  const sending = (async () => {
    for (let i = 0; i < 10_000; i++) await endless.send(`400\r\n${"x".repeat(1024)}\r\n`);
  })().catch(() => {});
  assert.equal((await endless.receive())?.status, 413);
  endless[Symbol.dispose]();
  await sending;
  assert.equal((await server.invoke("x")).text, "x");
  await server.stop();
});

const echoing = onOneServer((box) => box.serve(echo()));

echoing("serve answers 413 to a body over 100 MiB by default", async (server) => {
  for (const [length, status] of [[100 * MIB + 1, 413], [2 ** 40, 413]] as const) {
    using connection = await RawConnection.open(server.port);
    await connection.send(`POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n\r\n`);
    assert.equal((await connection.receive())?.status, status);
  }
});

echoing("serve answers 431 when Content-Type and Accept together exceed 64 KiB", async (server) => {
  const answer = await server.invoke("x", { "content-type": "a".repeat(40_000), accept: "b".repeat(40_000) });
  assert.equal(answer.status, 431);
  assert.equal((await server.invoke("x")).status, 200);
});
