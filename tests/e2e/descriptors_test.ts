/** File descriptors of `serve`: clients that hold connections without using them do not keep others out. */

import assert from "node:assert/strict";
import { certificate, HAS_OPENSSL, tlsOptions } from "./support/certificate.ts";
import { sleep, until } from "./support/limits.ts";
import { RawConnection } from "./support/raw.ts";
import { echo, type Sandbox, test } from "./support/sandbox.ts";
import { Server } from "./support/server.ts";

const POST = "POST /invocations HTTP/1.1\r\nHost: localhost\r\n";

const descriptorsOf = (pid: number) => [...Deno.readDirSync(`/proc/${pid}/fd`)].length;

/** Starts a server that may have 100 files open. */
async function withFewDescriptors(box: Sandbox, options: readonly string[] = []): Promise<Server> {
  box.module({ "serve.py": echo() }, "few");
  const words = ["serve", "--port", "0", ...options, "few", "serve.py", box.root];
  const command = Deno.env.get("AIMODELLIB_TEST_BIN") ?? new URL("../../dist/aimodellib", import.meta.url).pathname;
  const program = box.start(["-c", 'ulimit -n 100; exec "$0" "$@"', command, ...words], { command: "/bin/bash" });
  const [, url] = await program.stderr.waitFor(/Listening on (https?:\/\/\S+);/);
  await program.stderr.waitFor(/Ready: POST /);
  return Server.at(program, url!);
}

/** Opens more connections than a server may have, and treats each in the same way. */
async function crowd(port: number, begin: (connection: RawConnection) => Promise<void>): Promise<RawConnection[]> {
  const all: RawConnection[] = [];
  for (let i = 0; i < 150; i++) {
    // Some are refused once the server can't accept more.
    const one = await RawConnection.open(port).catch(() => undefined);
    if (one === undefined) continue;
    all.push(one);
    await begin(one).catch(() => {});
  }
  assert.ok(all.length > 50);
  return all;
}

const RELIEVED = /WARNING \d+ of 100 file descriptors are open .*; closed the connections of the slowest clients: \d+/;

for (
  const [what, begin] of [
    ["says nothing", () => Promise.resolve()],
    ["sends a byte of its head", (one: RawConnection) => one.send("G")],
    ["sends a byte of its body", (one: RawConnection) => one.send(`${POST}Content-Length: 1000\r\n\r\na`)],
    ["sends a chunk of its body", (one: RawConnection) => one.send(`${POST}Transfer-Encoding: chunked\r\n\r\n1\r\na`)],
  ] as const
) {
  test(`when each of too many clients ${what}, the server closes some connections and serves other clients`, async (box) => {
    const server = await withFewDescriptors(box);
    const slow = await crowd(server.port, begin);
    try {
      await server.program.stderr.waitFor(RELIEVED);
      await until("others are served", async () => {
        try {
          using connection = await RawConnection.open(server.port);
          await connection.send(`${POST}Content-Length: 2\r\n\r\nhi`);
          return (await connection.receive())?.body === "hi";
        } catch {
          await sleep(100);
          return false;
        }
      });
    } finally {
      for (const connection of slow) connection[Symbol.dispose]();
    }
    await server.stop();
  });
}

/** Sends a request over TLS without checking the certificate. */
async function askTls(box: Sandbox, port: number): Promise<number> {
  using client = Deno.createHttpClient({ caCerts: [box.read("cert.pem")] });
  const response = await fetch(`https://127.0.0.1:${port}/invocations`, { method: "POST", body: "hi", client });
  await response.body?.cancel();
  return response.status;
}

/** Connects, and sends nothing or the beginning of a TLS handshake. */
async function stalled(port: number, count: number): Promise<RawConnection[]> {
  const all: RawConnection[] = [];
  for (let i = 0; i < count; i++) {
    const one = await RawConnection.open(port).catch(() => undefined);
    if (one === undefined) continue;
    all.push(one);
    if (i % 2 === 0) await one.send("\x16\x03\x01\x02\x00\x01").catch(() => {});
  }
  return all;
}

test("an unfinished TLS handshake frees its descriptor after --read-timeout", async (box) => {
  certificate(box, "localhost");
  const args = ["--port", "0", "--read-timeout", "1", ...tlsOptions(box)];
  const program = box.start(["serve", ...args, box.module({ "serve.py": echo() }), "serve.py", box.root]);
  const [, url] = await program.stderr.waitFor(/Ready: POST (https:\/\/127\.0\.0\.1:\d+)\/invocations/);
  const port = Number(new URL(url!).port);
  assert.equal(await askTls(box, port), 200);
  const before = descriptorsOf(program.pid);
  const clients = await stalled(port, 40);
  try {
    await until(
      "they are back",
      () => /took more than 1 s/.test(program.stderr.text) && descriptorsOf(program.pid) <= before,
    );
  } finally {
    for (const client of clients) client[Symbol.dispose]();
  }
  assert.equal(await askTls(box, port), 200);
  program.kill("SIGTERM");
  assert.equal((await program.finished()).code, 0);
}, HAS_OPENSSL);

test(
  "when too many clients do not finish their TLS handshakes, the server closes some connections and serves other clients",
  async (box) => {
    certificate(box, "localhost");
    const server = await withFewDescriptors(box, tlsOptions(box));
    const clients = await stalled(server.port, 150);
    try {
      await until("others are served", async () => await askTls(box, server.port).catch(() => sleep(100)) === 200);
    } finally {
      for (const client of clients) client[Symbol.dispose]();
    }
    server.program.kill("SIGTERM");
    assert.equal((await server.program.finished()).code, 0);
  },
  HAS_OPENSSL,
);
