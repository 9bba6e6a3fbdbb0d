/** Connections to `aimodellib serve`: kept, pipelined, slow, idle or closed early. */

import assert from "node:assert/strict";
import { pattern } from "./support/bytes.ts";
import { sleep } from "./support/limits.ts";
import { onOneServer } from "./support/one_server.ts";
import { RawConnection } from "./support/raw.ts";
import { echo, test } from "./support/sandbox.ts";
import { SLOW } from "./support/scripts.ts";

const echoing = onOneServer((box) => box.serve(echo()));

echoing("serve answers many requests on one connection, and pipelined ones in order", async (server) => {
  using connection = await RawConnection.open(server.port);
  const post = (body: string) =>
    `POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  for (let i = 0; i < 50; i++) {
    await connection.send(post(`one ${i}`));
    assert.equal((await connection.receive())?.body, `one ${i}`);
  }
  await connection.send(Array.from({ length: 50 }, (_, i) => post(`many ${i}`)).join(""));
  for (let i = 0; i < 50; i++) assert.equal((await connection.receive())?.body, `many ${i}`);
  // An error does not end the connection.
  await connection.send("GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n");
  assert.equal((await connection.receive())?.status, 404);
  await connection.send(post("last").replace("Host: localhost", "Host: localhost\r\nConnection: close"));
  const rest = await connection.rest();
  assert.match(rest, /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nlast$/);
});

echoing("serve answers an HTTP/1.0 client and one that awaits 100 Continue", async (server) => {
  using old = await RawConnection.open(server.port);
  await old.send("POST /invocations HTTP/1.0\r\nContent-Length: 3\r\n\r\nold");
  assert.match(await old.rest(), /^HTTP\/1\.[01] 200 OK\r\n[\s\S]*\r\n\r\nold$/);
  using waiting = await RawConnection.open(server.port);
  await waiting.send(
    "POST /invocations HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
  );
  assert.equal((await waiting.receive())?.status, 100);
  await waiting.send("abc");
  assert.equal((await waiting.receive())?.body, "abc");
});

echoing("serve answers other clients while some upload slowly or keep idle connections", async (server) => {
  const connections = await Promise.all(Array.from({ length: 100 }, () => RawConnection.open(server.port)));
  for (const [i, connection] of connections.entries()) {
    if (i % 2 === 0) {
      await connection.send("POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nab");
    }
  }
  assert.equal((await server.invoke("quick")).text, "quick");
  // A slow upload is answered once it is complete.
  const [slow] = connections;
  await slow!.send("c".repeat(998));
  assert.equal((await slow!.receive())?.body.length, 1000);
  for (const connection of connections) connection[Symbol.dispose]();
});

test("serve keeps its worker when clients disconnect during an upload or before the answer", async (box) => {
  const server = await box.serve(SLOW);
  const pid = server.workerPid;
  for (let i = 0; i < 20; i++) {
    using upload = await RawConnection.open(server.port);
    await upload.send("POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000\r\n\r\n");
    await upload.send(pattern(i * 50_000)).catch(() => {});
  }
  for (let i = 0; i < 20; i++) {
    using chunked = await RawConnection.open(server.port);
    await chunked.send(
      "POST /invocations HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\nabc",
    );
  }
  for (let i = 0; i < 20; i++) {
    using impatient = await RawConnection.open(server.port);
    await impatient.send("POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n0.05");
    await sleep(i);
  }
  const aborter = new AbortController();
  const aborted = fetch(`${server.url}/invocations`, { method: "POST", body: "0.5", signal: aborter.signal });
  await sleep(100);
  aborter.abort();
  await assert.rejects(aborted);
  const answer = await server.invoke("0");
  assert.equal(answer.text, `after 0 s in process ${pid}`);
  assert.doesNotMatch(server.log, /ERROR/);
  await server.stop();
});

test("serve sends the complete answer to a client that reads slowly", async (box) => {
  const server = await box.serve(echo("def predict(data, model): return bytes(int(data))\n"));
  using slow = await RawConnection.open(server.port);
  await slow.send(
    "POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8\r\nConnection: close\r\n\r\n20000000",
  );
  await sleep(300);
  const answers = await Promise.all(Array.from({ length: 20 }, () => server.invoke("10")));
  assert.ok(answers.every(({ status }) => status === 200), "others are answered meanwhile");
  const rest = await slow.rest();
  assert.equal(rest.length - rest.indexOf("\r\n\r\n") - 4, 20_000_000);
  await server.stop();
});
