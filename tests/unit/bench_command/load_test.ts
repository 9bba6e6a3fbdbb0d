import assert from "node:assert/strict";
import { socketAddress } from "../../../src/bench/address.ts";
import { figuresOf } from "../../../src/bench/figures.ts";
import { Load } from "../../../src/bench/load.ts";
import { requestBytes } from "../../../src/bench/request.ts";
import type { Socket } from "../../../src/bench/socket.ts";
import { Sockets } from "../../../src/bench/sockets.ts";
import { report } from "../../../src/cli/bench/report.ts";
import { connect, type Stream } from "../../../src/client/connection.ts";

const body = new TextEncoder().encode("hello");

/** A server on a free port that counts its requests. */
function serve(answer: (count: number) => Response | Promise<Response>) {
  let count = 0;
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    assert.equal(await request.text(), "hello");
    return await answer(++count);
  });
  const url = new URL(`http://127.0.0.1:${server.addr.port}/invocations`);
  return {
    url,
    request: requestBytes({ url, body, contentType: "text/plain" }),
    get count() {
      return count;
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test("without a rate, each connection sends its next request after an answer, and all are counted", async () => {
  await using server = serve((count) => new Response("x", { status: count % 4 === 0 ? 503 : 200 }));
  const load = new Load(() => connect({ url: server.url.href }), server.request, { connections: 3, durationMs: 300 });
  const inTime = await load.run();
  const { tally } = load;
  assert.ok(tally.answered > 3 && inTime <= tally.answered && inTime > 0);
  assert.deepEqual([tally.answered, load.sent], [server.count, server.count]);
  assert.equal(tally.statuses.get(503)!.count, Math.floor(server.count / 4));
  assert.deepEqual([tally.succeeded, tally.latency.count], Array(2).fill(server.count - Math.floor(server.count / 4)));
  assert.deepEqual([tally.failed, tally.unanswered, load.lateness.count], [0, 0, 0]);
});

Deno.test("with a rate, all due requests are sent, and a stall counts in the latency of each request that was due during it", async () => {
  let stalled: Promise<unknown> | undefined;
  await using server = serve(async (count) => {
    // Each request that arrives within 300 ms after the tenth waits for the end of that time.
    if (count === 10) stalled = sleep(300).finally(() => stalled = undefined);
    await stalled;
    return new Response("x");
  });
  const rate = 200;
  const load = new Load(() => connect({ url: server.url.href }), server.request, {
    connections: 2,
    durationMs: 1000,
    rate,
  });
  await load.run();
  assert.deepEqual([load.sent, load.tally.succeeded, server.count], [201, 201, 201]);
  // Two connections alone would show two slow requests. Sixty were due in these 300 ms, and the first half of them waited over 150 ms.
  const slow = load.tally.latency.countFrom(150);
  assert.ok(slow >= 25, `${slow} requests took 150 ms or longer`);
  assert.ok(load.tally.latency.max >= 280);
});

Deno.test("when a server can't keep up with the rate, unanswered requests count with the time they have waited", async () => {
  await using server = serve(async () => {
    await sleep(100);
    return new Response("x");
  });
  const options = { connections: 1, durationMs: 400, rate: 100 };
  const load = new Load(() => connect({ url: server.url.href }), server.request, options, 200);
  const inTime = await load.run();
  const { tally } = load;
  assert.ok(tally.succeeded <= 6 && inTime <= 4);
  // 41 requests were due. Those that were never sent count as well.
  assert.equal(tally.succeeded + tally.unanswered, 41);
  assert.equal(tally.latency.count, 41);
  assert.ok(tally.latency.max >= 400);
  const asked = { url: server.url.href, contentType: "text/plain", bodyBytes: 5, connections: 1, rate: 100 };
  const figures = figuresOf(load, inTime, asked, 0.5);
  assert.deepEqual([figures.requests.unanswered, figures.client.busy], [tally.unanswered, 0.5]);
  assert.match(report(figures, load.isStopped), /\n\d+ requests had no answer 10 s after the end\. /);
  assert.ok(figures.rate <= 10 && figures.durationMs >= 400 && figures.durationMs < 500);
});

Deno.test("stop() ends a load test of a server that never answers, and reports the sent requests", async () => {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const url = new URL(`http://127.0.0.1:${listener.addr.port}/`);
  const request = requestBytes({ url, body, contentType: "text/plain" });
  const load = new Load(() => connect({ url: url.href }), request, { connections: 4, durationMs: 60_000 });
  setTimeout(() => load.stop(), 200);
  assert.equal(await load.run(), 0);
  assert.deepEqual([load.sent, load.tally.unanswered, load.tally.latency.count], [4, 4, 4]);
  const asked = { url: url.href, contentType: "text/plain", bodyBytes: 5, connections: 4 };
  const text = report(figuresOf(load, 0, asked, 0.5), load.isStopped);
  assert.match(text, /\n4 requests had no answer when the test was stopped\. /);
  assert.doesNotMatch(text, /after the end/);
});

Deno.test("idle connections that the server closes are opened again without counting as failures", async () => {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const url = new URL(`http://127.0.0.1:${listener.addr.port}/`);
  let answers = 0;
  const accepting = (async () => {
    for await (const conn of listener) {
      await conn.read(new Uint8Array(4096));
      await conn.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
      answers++;
      conn.close();
    }
  })();
  const request = requestBytes({ url, body, contentType: "text/plain" });
  const load = new Load(() => connect({ url: url.href }), request, { connections: 1, durationMs: 200, rate: 100 });
  await load.run();
  assert.equal(load.tally.failed, 0);
  assert.deepEqual([load.tally.succeeded, answers], [21, 21]);
  listener.close();
  await accepting;
});

/** A server that answers the requests of each connection with texts, one after another, and then closes it. */
function script(...answers: readonly string[]) {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const found = { connections: 0, requests: 0 };
  let onRequest = () => {};
  const talk = async (conn: Deno.Conn) => {
    using _ = conn;
    found.connections++;
    for (const answer of answers) {
      if (await conn.read(new Uint8Array(4096)) === null) break;
      found.requests++;
      onRequest();
      await conn.write(new TextEncoder().encode(answer));
    }
  };
  const all: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const conn of listener) all.push(talk(conn).catch(() => {}));
    await Promise.all(all);
  })();
  const url = new URL(`http://127.0.0.1:${listener.addr.port}/`);
  const sockets = Sockets.to(socketAddress(listener.addr)!)!;
  return {
    found,
    request: requestBytes({ url, body, contentType: "text/plain" }),
    /** Puts the server under load until it has read `count` requests. */
    async load(open: () => Promise<Stream | Socket>, connections: number, count: number) {
      Object.assign(found, { connections: 0, requests: 0 });
      const load = new Load(open, this.request, { connections, durationMs: 60_000 });
      onRequest = () => {
        if (found.requests === count) load.stop();
      };
      await load.run();
      return load;
    },
    opens: [["Deno's sockets", () => connect({ url: url.href })], ["its own", () => sockets.connect()]] as const,
    async [Symbol.asyncDispose]() {
      sockets[Symbol.dispose]();
      listener.close();
      await accepting;
    },
  };
}

const EMPTY = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

Deno.test("without a rate, connections that the server closes between two requests are replaced, and no request fails", async () => {
  await using server = script(EMPTY, EMPTY, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
  for (const [name, open] of server.opens) {
    const { sent, tally } = await server.load(open, 2, 30);
    assert.deepEqual([tally.failed, tally.answered + tally.unanswered], [0, sent], name);
    assert.ok(
      tally.unanswered <= 2 && sent >= 30 && sent <= 31,
      `${sent} sent, ${tally.unanswered} unanswered: ${name}`,
    );
    assert.ok(server.found.connections >= 10, `${server.found.connections} connections: ${name}`);
    const third = tally.statuses.get(202)!.count;
    assert.ok(third >= 8 && third <= 10, `${third} of ${sent}: ${name}`);
  }
});

Deno.test("an answer that nobody asked for does not count as that of the next request", async () => {
  await using server = script(...Array<string>(100).fill(EMPTY + EMPTY));
  for (const [name, open] of server.opens) {
    const { sent, tally } = await server.load(open, 1, 10);
    assert.deepEqual([sent, tally.answered, tally.failed, server.found.connections], [10, 9, 0, 10], name);
  }
});

Deno.test("a load test ends although an answer never does", async () => {
  await using server = script("HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\nx", EMPTY);
  for (const [name, open] of server.opens) {
    const { sent, tally } = await server.load(open, 1, 1);
    assert.deepEqual([sent, tally.answered, tally.unanswered], [1, 0, 1], name);
  }
});

Deno.test("requests to a server that is gone fail with the reason, and are not repeated in a tight loop", async () => {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const url = new URL(`http://127.0.0.1:${listener.addr.port}/`);
  listener.close();
  const load = new Load(() => connect({ url: url.href }), new Uint8Array(1), { connections: 2, durationMs: 300 });
  await load.run();
  assert.deepEqual([...load.tally.failures.keys()], ["the server refused the connection"]);
  assert.ok(load.tally.failed >= 2 && load.tally.failed <= 20, String(load.tally.failed));
});

Deno.test("the result warns that the client is the bottleneck when it was always busy or often late", async () => {
  await using server = serve(() => new Response("x"));
  const load = new Load(() => connect({ url: server.url.href }), server.request, {
    connections: 1,
    durationMs: 20,
    rate: 100,
  });
  await load.run();
  const asked = { url: server.url.href, contentType: "text/plain", bodyBytes: 5, connections: 1 };
  assert.equal(figuresOf(load, 1, asked, 0.95).client.isLimit, true);
  for (let i = 0; i < 1000; i++) load.lateness.record(i < 970 ? 0.5 : 30);
  assert.equal(figuresOf(load, 1, asked, 0.2).client.isLimit, true);
  for (let i = 0; i < 9000; i++) load.lateness.record(0.5);
  assert.deepEqual([figuresOf(load, 1, asked, 0.2).client.isLimit, figuresOf(load, 1, asked, undefined).client.busy], [
    false,
    null,
  ]);
});

Deno.test("the request contains the given headers, followed by the body", () => {
  const url = new URL("http://[::1]:8080/endpoints/a?b=c");
  const text = new TextDecoder().decode(
    requestBytes({ url, body, contentType: "text/csv", accept: "image/png", token: "t" }),
  );
  assert.equal(
    text,
    "POST /endpoints/a?b=c HTTP/1.1\r\nHost: [::1]:8080\r\nContent-Type: text/csv\r\nAccept: image/png\r\n" +
      "Authorization: Bearer t\r\nContent-Length: 5\r\n\r\nhello",
  );
});
