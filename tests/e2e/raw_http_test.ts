/** Malformed, ambiguous, endless and slow requests. The server keeps running, and never answers 500 by itself. */

import assert from "node:assert/strict";
import { numbers } from "../unit/helper/random.ts";
import { sleep, until } from "./support/limits.ts";
import { RawConnection } from "./support/raw.ts";
import { echo, py, test } from "./support/sandbox.ts";
import { Server } from "./support/server.ts";

const HOST = "Host: localhost\r\n";
const POST = `POST /invocations HTTP/1.1\r\n${HOST}`;
const GET = `GET /health/live HTTP/1.1\r\n${HOST}`;
const CHUNKED = `${POST}Transfer-Encoding: chunked\r\n\r\n`;

/** The bytes to send, and the expected statuses; 0 if the connection is closed without an answer. */
const CASES: readonly (readonly [name: string, sent: string, statuses: readonly number[]])[] = [
  ["a request", `${POST}Content-Length: 2\r\n\r\nhi`, [200]],
  ["three at once", `${POST}Content-Length: 2\r\n\r\nhi`.repeat(3), [200, 200, 200]],
  ["empty lines before it", `\r\n\r\n${GET}\r\n`, [200]],
  ["lines that end with LF alone", "GET /health/live HTTP/1.1\nHost: localhost\n\n", [400]],
  ["a header that ends with LF alone", `${GET}A: b\n\r\n`, [400]],
  ["an end of the head that is LF alone", `${GET}\n`, [400]],
  ["an empty line that is LF alone", `\n${GET}\r\n`, [400]],
  // Content-Length.
  [
    "Transfer-Encoding, then Content-Length",
    `${POST}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n`,
    [400],
  ],
  [
    "Content-Length, then Transfer-Encoding",
    `${POST}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    [
      400,
    ],
  ],
  ["two different Content-Length", `${POST}Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi`, [400]],
  ["a list as Content-Length", `${POST}Content-Length: 2, 2\r\n\r\nhi`, [400]],
  ["a signed Content-Length", `${POST}Content-Length: +2\r\n\r\nhi`, [400]],
  ["a negative Content-Length", `${POST}Content-Length: -2\r\n\r\nhi`, [400]],
  ["a hexadecimal Content-Length", `${POST}Content-Length: 0x2\r\n\r\nhi`, [400]],
  ["an empty Content-Length", `${POST}Content-Length: \r\n\r\nhi`, [400]],
  ["a Content-Length over 64 bits", `${POST}Content-Length: 99999999999999999999999\r\n\r\nhi`, [400]],
  ["a Content-Length over the limit", `${POST}Content-Length: 9999999999999\r\n\r\nhi`, [413]],
  // Transfer-Encoding.
  ["an unknown Transfer-Encoding", `${POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, [400]],
  ["Transfer-Encoding that does not end with chunked", `${POST}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`, [
    400,
  ]],
  ["a space before the colon", `${POST}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`, [400]],
  ["two Transfer-Encoding", `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`, [400]],
  [
    "Transfer-Encoding in HTTP/1.0",
    `POST /invocations HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    [
      400,
    ],
  ],
  ["chunks of something compressed", `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, [501]],
  ["Transfer-Encoding in two lines", `${POST}Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, [
    501,
  ]],
  // Chunks.
  ["a space behind a chunk's size", `${CHUNKED}2 \r\nhi\r\n0\r\n\r\n`, [400]],
  ["an extension without a name", `${CHUNKED}2;\r\nhi\r\n0\r\n\r\n`, [400]],
  ["an extension with a space in its name", `${CHUNKED}2;a b\r\nhi\r\n0\r\n\r\n`, [400]],
  ["more extensions than are read", `${CHUNKED}${`1;${"a".repeat(200)}\r\nh\r\n`.repeat(200)}0\r\n\r\n`, [400]],
  ["chunks", `${CHUNKED}1\r\nh\r\n1;name=value\r\ni\r\n0\r\n\r\n`, [200]],
  ["a chunk's size that is no number", `${CHUNKED}zz\r\nhi\r\n0\r\n\r\n`, [400]],
  ["a negative chunk", `${CHUNKED}-1\r\nhi\r\n0\r\n\r\n`, [400]],
  ["a chunk's size with 0x", `${CHUNKED}0x2\r\nhi\r\n0\r\n\r\n`, [400]],
  ["a chunk over 64 bits", `${CHUNKED}fffffffffffffffff\r\nhi\r\n0\r\n\r\n`, [400]],
  ["a chunk longer than it says", `${CHUNKED}2\r\nhiXX0\r\n\r\n`, [400]],
  ["a chunk's line that ends with LF alone", `${CHUNKED}2\nhi\n0\n\n`, [400]],
  ["an endless extension of a chunk", `${CHUNKED}2;${"a".repeat(100_000)}\r\nhi\r\n0\r\n\r\n`, [400]],
  ["thousands of trailers", `${CHUNKED}0\r\n${"A: b\r\n".repeat(5000)}\r\n`, [400]],
  // The request line.
  ["HTTP/0.9", "GET /health/live\r\n", [400]],
  ["HTTP/2.0 in words", `GET /health/live HTTP/2.0\r\n${HOST}\r\n`, [505]],
  ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [505]],
  ["a method with a brace", `G{T / HTTP/1.1\r\n${HOST}\r\n`, [400]],
  ["an unknown method", `BREW /invocations HTTP/1.1\r\n${HOST}\r\n`, [405]],
  ["a method in lower case", `post /invocations HTTP/1.1\r\n${HOST}Content-Length: 2\r\n\r\nhi`, [405]],
  ["another in lower case", `get /health/live HTTP/1.1\r\n${HOST}\r\n`, [405]],
  ["a method of 65 characters", `${"A".repeat(65)} / HTTP/1.1\r\n${HOST}\r\n`, [501]],
  ["HEAD of what is not there", `HEAD /nothing HTTP/1.1\r\n${HOST}\r\n${GET}\r\n`, [404, 200]],
  ["CONNECT", `CONNECT example.com:80 HTTP/1.1\r\n${HOST}\r\n`, [501]],
  ["TRACE", `TRACE / HTTP/1.1\r\n${HOST}\r\n`, [405]],
  ["OPTIONS *", `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`, [404]],
  ["an absolute URL", `GET http://[::1]/health/live HTTP/1.1\r\nHost: other\r\n\r\n`, [200]],
  ["an absolute URL of another host", `GET http://other/health/live HTTP/1.1\r\n${HOST}\r\n`, [403]],
  ["an absolute URL without a host", `GET http:// HTTP/1.1\r\n${HOST}\r\n`, [400]],
  ["NUL in the path", `GET /\0 HTTP/1.1\r\n${HOST}\r\n`, [400]],
  ["Latin-1 in the path", `GET /\xe9 HTTP/1.1\r\n${HOST}\r\n`, [400]],
  ["a bad escape in the path", `GET /%zz%ff HTTP/1.1\r\n${HOST}\r\n`, [404]],
  ["dots in the path", `GET /../../etc/passwd HTTP/1.1\r\n${HOST}\r\n`, [400]],
  ["dots that lead to something", `GET /a/../metrics HTTP/1.1\r\n${HOST}\r\n`, [400]],
  ["dots at the end", `GET /metrics/. HTTP/1.1\r\n${HOST}\r\n`, [400]],
  ["escaped dots", `GET /a/%2e%2E/metrics HTTP/1.1\r\n${HOST}\r\n`, [400]],
  ["dots between escaped slashes", `GET /a%2f..%2Fmetrics HTTP/1.1\r\n${HOST}\r\n`, [400]],
  ["dots in a URL", `GET http://a/./metrics HTTP/1.1\r\n${HOST}\r\n`, [400]],
  ["backslashes", `GET /x\\..\\metrics HTTP/1.1\r\n${HOST}\r\n`, [400]],
  ["a backslash at the beginning", `GET \\metrics HTTP/1.1\r\n${HOST}\r\n`, [400]],
  ["an escaped letter in the path", `GET /%6detrics HTTP/1.1\r\n${HOST}\r\n`, [404]],
  ["two slashes", `GET //metrics HTTP/1.1\r\n${HOST}\r\n`, [404]],
  ["an escaped query", `GET /metrics%3fa HTTP/1.1\r\n${HOST}\r\n`, [404]],
  ["an empty host in the path", `GET //[::x/ HTTP/1.1\r\n${HOST}\r\n`, [404]],
  ["a path over 64 KiB", `GET /${"a".repeat(70_000)} HTTP/1.1\r\n${HOST}\r\n`, [414]],
  // Headers.
  ["no host", "GET /health/live HTTP/1.1\r\n\r\n", [400]],
  ["no host in HTTP/1.0", "GET /health/live HTTP/1.0\r\n\r\n", [200]],
  ["two hosts", `${GET}${HOST}\r\n`, [400]],
  ["an invalid host", "POST /invocations HTTP/1.1\r\nHost: [::1 <a b>\r\nContent-Length: 2\r\n\r\nhi", [400]],
  ["99 headers", `${GET}${"A: b\r\n".repeat(98)}\r\n`, [200]],
  ["101 headers", `${GET}${"A: b\r\n".repeat(100)}\r\n`, [431]],
  ["a header of 1 MB", `${GET}A: ${"x".repeat(1_000_000)}\r\n\r\n`, [431]],
  ["a name of 1 MB", `${GET}${"x".repeat(1_000_000)}: a\r\n\r\n`, [431]],
  ["NUL in a header", `${GET}A: b\0c\r\n\r\n`, [400]],
  ["100,000 spaces and a control character in a header", `${GET}A:${" ".repeat(100_000)}\x01\r\n\r\n`, [400]],
  ["a folded header", `${GET}A: b\r\n c\r\n\r\n`, [400]],
  ["Latin-1 in Content-Type", `${POST}Content-Type: \xff\xfe\r\nContent-Length: 2\r\n\r\nhi`, [200]],
  ["Expect: something else", `${POST}Expect: more\r\nContent-Length: 2\r\n\r\nhi`, [417]],
  ["Expect: 100-continue", `${POST}Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi`, [100, 200]],
  // Other protocols.
  [
    "an upgrade to HTTP/2",
    `${GET}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n`,
    [
      200,
    ],
  ],
  ["an upgrade to WebSocket", `${GET}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n`, [
    200,
  ]],
  ["TLS", "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + "x".repeat(100), [400]],
  ["SSH", "SSH-2.0-client\r\n", [400]],
];

/**
 * The statuses of all that is answered to this.
 *
 * @param expected how many there should be; otherwise the client waits for 50 ms before it ends
 */
async function statusesOf(port: number, sent: string, expected = 0): Promise<number[]> {
  using connection = await RawConnection.open(port);
  const statuses: number[] = [];
  const receive = async () => {
    const answer = await connection.receive();
    if (answer !== undefined) statuses.push(answer.status);
    return answer !== undefined;
  };
  try {
    await connection.send(sent);
    if (expected === 0) await sleep(50);
    while (statuses.length < expected && await receive());
    // After the client has closed the connection, only answers that were already on their way arrive.
    await connection.closeWrite();
  } catch {
    // It was answered, and closed, before all was sent.
  }
  while (await receive());
  return statuses;
}

const descriptorsOf = (pid: number) => [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
const memoryOf = (pid: number) =>
  Number(/VmRSS:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${pid}/status`))![1]) / 1024;

/** Checks that the server is in the same state afterwards. */
async function assertHealthy(server: Server, descriptors: number): Promise<void> {
  assert.equal((await server.invoke("still here")).text, "still here");
  await until(
    "file descriptors are back",
    // The descriptor of this connection.
    () => descriptorsOf(server.program.pid) <= descriptors + 1,
    undefined,
    () => `${descriptorsOf(server.program.pid)}, before ${descriptors}`,
  );
}

test("each malformed request is answered, and the next client is served", async (box) => {
  const server = await box.serve(echo(), { args: ["--port", "0", "--max-body", "1MB"] });
  await server.invoke("");
  const before = descriptorsOf(server.program.pid);
  for (const [name, sent, statuses] of CASES) {
    assert.deepEqual(await statusesOf(server.port, sent, statuses.length), statuses, name);
    assert.equal((await server.request("/health/live")).status, 200, `after ${name}`);
  }
  await assertHealthy(server, before);
  assert.doesNotMatch(server.log, /ERROR|Traceback/);
  await server.stop();
});

test("a request that is hidden in another's body is not executed", async (box) => {
  const server = await box.serve(echo(py`
    executed = []
    def predict(data, model):
        executed.append(data.decode())
        return ",".join(executed).encode()
  `));
  const hidden = `${POST}Content-Length: 6\r\n\r\nhidden`;
  const both = [`Content-Length: ${5 + hidden.length}\r\n`, "Transfer-Encoding: chunked\r\n"];
  for (const headers of [both, both.toReversed()]) {
    assert.deepEqual(await statusesOf(server.port, `${POST}${headers.join("")}\r\n0\r\n\r\n${hidden}`, 1), [400]);
  }
  assert.equal((await server.invoke("last")).text, "last");
  await server.stop();
});

test("--max-body limits a body, however its length is declared", async (box) => {
  const server = await box.serve(echo(), { args: ["--port", "0", "--max-body", "1MB"] });
  const before = memoryOf(server.program.pid);
  const chunk = `10000\r\n${"x".repeat(0x10000)}\r\n`;
  for (
    const lengths of [
      "Transfer-Encoding: chunked\r\n",
      "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
      "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
    ]
  ) {
    using connection = await RawConnection.open(server.port);
    await assert.rejects(async () => {
      await connection.send(`${POST}${lengths}\r\n`);
      for (let i = 0; i < 4000; i++) await connection.send(chunk);
    }, "250 MB are not taken");
  }
  assert.equal((await server.invoke("")).status, 200);
  assert.ok(memoryOf(server.program.pid) < before + 100, `${memoryOf(server.program.pid)} MiB, before ${before}`);
  await server.stop();
});

test("a client that half-closes its connection gets its answer, and one that disconnects frees its place", async (box) => {
  const server = await box.serve(echo(py`
    import time
    def predict(data, model):
        if data == b"slow":
            time.sleep(1)
        return data
  `));
  const slow = server.invoke("slow");
  const leaving = await RawConnection.open(server.port);
  await leaving.send(`${POST}Content-Length: 7\r\n\r\nleaving`);
  using staying = await RawConnection.open(server.port);
  // These requests wait behind the slow one.
  await staying.send(`${POST}Content-Length: 7\r\n\r\nstaying`.repeat(2));
  await staying.closeWrite();
  leaving[Symbol.dispose]();
  assert.match(
    await staying.rest(),
    /^(HTTP\/1\.1 100 Continue\r\n\r\n)*(HTTP\/1\.1 200 OK\r\n[^]*?\r\n\r\nstaying){2}$/,
  );
  assert.equal((await slow).text, "slow");
  await server.stop();
});

test("600 clients that announce 100 MiB and send one byte take less than 100 MiB, and others are served", async (box) => {
  const server = await box.serve(echo(), { args: ["--port", "0", "--max-body", "200MiB"] });
  await server.invoke("");
  const before = memoryOf(server.program.pid);
  const clients: RawConnection[] = [];
  try {
    for (let i = 0; i < 600; i++) {
      const client = await RawConnection.open(server.port);
      clients.push(client);
      await client.send(`${POST}Content-Length: ${100 * 2 ** 20}\r\n\r\na`);
    }
    assert.equal((await server.invoke("others")).text, "others");
    const after = memoryOf(server.program.pid);
    assert.ok(after < before + 100, `${after} MiB, before ${before}`);
  } finally {
    for (const client of clients) client[Symbol.dispose]();
  }
  await server.stop();
});

test("--max-body-memory limits the memory of all bodies in flight", async (box) => {
  const options = ["--port", "0", "--max-body", "8MiB", "--max-body-memory", "20MiB"];
  const server = await box.serve(echo(), { args: options });
  const holding: RawConnection[] = [];
  const mib = "x".repeat(2 ** 20);
  const head = `${POST}Content-Length: ${8 * 2 ** 20}\r\n\r\n`;
  try {
    for (let i = 0; i < 2; i++) {
      const client = await RawConnection.open(server.port);
      holding.push(client);
      await client.send(head + mib.repeat(8).slice(1));
    }
    await until("a third is refused", async () => {
      using third = await RawConnection.open(server.port);
      await third.send(head + mib.repeat(8)).catch(() => {});
      const { status, headers } = (await third.receive())!;
      if (status === 200) return false;
      assert.deepEqual([status, headers.get("retry-after")], [503, "1"]);
      return true;
    });
    assert.match(
      server.log,
      /WARNING A request was refused: the bodies .* take nearly 20971520 bytes \(--max-body-memory\)/,
    );
    assert.equal((await server.invoke("small")).text, "small");
    for (const client of holding) {
      await client.send("x");
      assert.equal((await client.receive())?.status, 200);
    }
    assert.equal((await server.invoke(mib.repeat(8))).status, 200);
  } finally {
    for (const client of holding) client[Symbol.dispose]();
  }
  await server.stop();
});

/** Returns one of the cases with changed, removed, repeated or truncated bytes. */
function damaged(random: Generator<number, never>): string {
  const below = (n: number) => Math.floor(random.next().value * n);
  let text = CASES[below(CASES.length)]![1].slice(0, 4000);
  for (let i = below(4); i >= 0; i--) {
    const at = below(text.length);
    const length = below(8);
    switch (below(4)) {
      case 0:
        text = text.slice(0, at) + String.fromCharCode(below(256)) + text.slice(at + 1);
        break;
      case 1:
        text = text.slice(0, at) + text.slice(at + length);
        break;
      case 2:
        text = text.slice(0, at) + text.slice(at, at + length).repeat(2 + below(3)) + text.slice(at + length);
        break;
      case 3:
        text = text.slice(0, at);
    }
  }
  return text;
}

test("1,000 requests with damaged bytes are answered or refused, and leave no connection or memory behind", async (box) => {
  const server = await box.serve(echo());
  await server.invoke("");
  const before = descriptorsOf(server.program.pid);
  const random = numbers(20260131);
  const seen = new Map<number, number>();
  for (let round = 0; round < 50; round++) {
    const sent = Array.from({ length: 20 }, () => damaged(random));
    const statuses = await Promise.all(sent.map((text) => statusesOf(server.port, text)));
    for (const [i, list] of statuses.entries()) {
      for (const status of list) {
        // 501, for example for a method, and 505 are not failures of the server.
        assert.ok(status < 500 || status === 501 || status === 505, `${status} to ${JSON.stringify(sent[i])}`);
        seen.set(status, (seen.get(status) ?? 0) + 1);
      }
    }
  }
  for (const status of [200, 400, 404]) assert.ok((seen.get(status) ?? 0) > 10, JSON.stringify([...seen]));
  await assertHealthy(server, before);
  assert.doesNotMatch(server.log, /ERROR|Traceback/);
  await server.stop();
});

test("only a client that does not send its request is disconnected after --read-timeout", async (box) => {
  const script = echo(py`
    import time
    def predict(data, model):
        if data == b"long":
            time.sleep(5)
        return data
  `);
  const server = await box.serve(script, { args: ["--port", "0", "--read-timeout", "2"] });
  const answer = server.invoke("long");
  using idle = await RawConnection.open(server.port);
  await idle.send(`${GET}\r\n`);
  assert.equal((await idle.receive())?.status, 200);

  const slow = [
    "",
    "G",
    `${GET}A: b\r\n`,
    `${POST}Content-Length: 100\r\n\r\nabc`,
    `${CHUNKED}50\r\nab`,
    `${GET}\r\n${GET}`,
  ].map(async (start) => {
    using connection = await RawConnection.open(server.port);
    await connection.send(start);
    const begin = performance.now();
    // Sending a byte now and then does not extend the time.
    const dripping = setInterval(() => void connection.send(start === "" ? "" : "a").catch(() => {}), 300);
    try {
      await connection.rest();
    } finally {
      clearInterval(dripping);
    }
    return performance.now() - begin;
  });
  for (const ms of await Promise.all(slow)) assert.ok(ms > 1500, `cut off after ${ms} ms`);
  assert.match(server.log, /WARNING Closed connections whose clients took more than 2 s \(--read-timeout\): \d/);
  assert.equal((await answer).text, "long", "a request that is executed for long is not cut off");
  await idle.send(`${GET}\r\n`);
  assert.equal((await idle.receive())?.status, 200, "nor is a connection between two requests");
  await server.stop();
});

test("a client that does not read its answer is disconnected after --read-timeout", async (box) => {
  const script = echo("def predict(data, model): return bytes(24 * 2**20)\n");
  const server = await box.serve(script, { args: ["--port", "0", "--read-timeout", "2"] });
  await server.invoke("");
  const before = descriptorsOf(server.program.pid);
  using connection = await RawConnection.open(server.port);
  await connection.send(`${POST}Content-Length: 0\r\n\r\n`);
  await until("it is cut off", () => /took more than 2 s/.test(server.log));
  await until("its descriptor is free", () => descriptorsOf(server.program.pid) <= before);
  assert.equal((await server.invoke("")).bytes.length, 24 * 2 ** 20);
  await server.stop();
});
