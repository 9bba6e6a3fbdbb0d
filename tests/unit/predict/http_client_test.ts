/** How requests are sent to a server, and how requests without an answer are handled. */

import assert from "node:assert/strict";
import type { Ask, Question, Reply } from "../../../src/predict/ask.ts";
import { HttpClient, pauseIn } from "../../../src/predict/http_client.ts";
import { Patience } from "../../../src/predict/patience.ts";
import { settled } from "../helper/deadline.ts";

type Handle = (request: Request, count: number) => Response | Promise<Response>;

const question: Question = {
  body: new TextEncoder().encode("1"),
  contentType: "application/json",
  accept: "*/*",
  id: "7",
};

type Body = (client: HttpClient, ask: () => Promise<Reply>, count: () => number) => Promise<void>;

/** Starts a server, and sends requests with both kinds of clients. */
async function withServer(handle: Handle, body: Body): Promise<void> {
  for (const whole of [false, true]) await withClient(whole, handle, body);
}

async function withClient(whole: boolean, handle: Handle, body: Body): Promise<void> {
  let count = 0;
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    (request) => handle(request, ++count),
  );
  try {
    await using client = new HttpClient({
      url: `http://127.0.0.1:${server.addr.port}/`,
      connections: 2,
      maxAnswer: 100,
      token: "a-token",
      whole,
    });
    const patience = new Patience(client, { retries: 1, maxAnswer: 100, signal: new AbortController().signal });
    await body(client, () => patience.ask(question), () => count);
  } finally {
    await server.shutdown();
  }
}

const problem = (status: number, members: Record<string, unknown>, headers: HeadersInit = {}) =>
  new Response(JSON.stringify({ title: "Title", status, ...members }), { status, headers });

function textOf(reply: Reply): string {
  assert.equal(reply.kind, "answer", JSON.stringify(reply));
  return new TextDecoder().decode((reply as Reply & { kind: "answer" }).body);
}

function faultOf(reply: Reply) {
  assert.equal(reply.kind, "fault");
  return (reply as Reply & { kind: "fault" }).fault;
}

Deno.test("HttpClient sends the record with its headers, and returns the answer with its content type", async () => {
  const handle: Handle = async (request) => {
    const { pathname } = new URL(request.url);
    const names = ["content-type", "accept", "authorization", "x-request-id"];
    const headers = names.map((name) => request.headers.get(name));
    return Response.json([pathname, ...headers, await request.text()]);
  };
  await withServer(handle, async (_, ask) => {
    assert.deepEqual(JSON.parse(textOf(await ask())), [
      "/invocations",
      "application/json",
      "*/*",
      "Bearer a-token",
      "7",
      "1",
    ]);
  });
});

Deno.test("HttpClient repeats a refused request, not before the server's Retry-After", async () => {
  const times: number[] = [];
  const handle: Handle = (_, count) => {
    times.push(performance.now());
    return count === 1
      ? problem(503, { detail: "full" }, { "retry-after": "1" })
      : count === 2
      ? problem(429, { detail: "slow down" })
      : new Response("yes", { headers: { "content-length": "3" } });
  };
  await withServer(handle, async (_, ask) => {
    times.length = 0;
    assert.equal(textOf(await ask()), "yes");
    assert.ok(times[1]! - times[0]! >= 990);
  });
});

Deno.test("HttpClient does not repeat a request whose script raised an exception, whatever its status", async () => {
  for (const status of [400, 404, 422, 429, 500, 502, 503]) {
    const handle: Handle = () =>
      problem(status, { stage: "predict", exception: "ValueError", message: "bad", detail: "predict() raised …" });
    await withServer(handle, async (_, ask, count) => {
      const { stage, type, message } = faultOf(await ask());
      assert.deepEqual([stage, type, message, count()], ["predict", "ValueError", "bad", 1]);
    });
  }
});

Deno.test("HttpClient repeats a request whose answer was lost, up to the limit", async () => {
  await withServer(
    (_, count) => count === 1 ? problem(502, { detail: "ended" }) : new Response("yes"),
    async (_, ask) => {
      assert.equal(textOf(await ask()), "yes");
    },
  );
  await withServer(() => problem(504, { detail: "took long" }), async (_, ask, count) => {
    const { stage, type, message } = faultOf(await ask());
    assert.deepEqual([stage, type, message, count()], ["worker", "Timeout", "took long", 2]);
  });
});

Deno.test("HttpClient ends the run and says what to do when the server rejects the client", async () => {
  const cases: readonly (readonly [number, HeadersInit, RegExp])[] = [
    [401, {}, /answers 401: no.*--token-file/],
    [404, {}, /answers 404: no.*--model NAME/],
    [405, {}, /answers 405: no/],
    [302, { location: "https://elsewhere.example/" }, /answers 302, a redirect to 'https:\/\/elsewhere.example\/'/],
    [503, { "retry-after": "3600" }, /asks to come back in 3600 s/],
  ];
  for (const [status, headers, pattern] of cases) {
    await withServer(() => problem(status, { detail: "no" }, headers), async (_, ask, count) => {
      await assert.rejects(ask(), pattern);
      assert.equal(count(), 1);
    });
  }
});

Deno.test("HttpClient rejects an answer that is too long or truncated", async () => {
  await withServer(() => new Response("x".repeat(101)), async (_, ask) => {
    assert.deepEqual([faultOf(await ask()).stage, faultOf(await ask()).type], ["output", "TooLarge"]);
  });
  const broken: Handle = () =>
    new Response(
      new ReadableStream({
        async start(controller) {
          controller.enqueue(new TextEncoder().encode("x"));
          await new Promise((resolve) => setTimeout(resolve, 10));
          controller.error(new Error("broken"));
        },
      }),
    );
  await withServer(broken, async (_, ask, count) => {
    assert.deepEqual([faultOf(await ask()).stage, count()], ["connection", 2]);
  });
});

Deno.test("HttpClient reports an answer that takes longer than --request-timeout as a timeout, and may repeat the request", async () => {
  const waiting: (() => void)[] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async () => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    return new Response("late");
  });
  for (const whole of [false, true]) {
    await using client = new HttpClient({
      url: `http://127.0.0.1:${server.addr.port}/`,
      connections: 1,
      maxAnswer: 100,
      requestTimeoutMs: 50,
      whole,
    });
    const { stage, type, message, again } = faultOf(await client.ask(question));
    assert.deepEqual([stage, type, message, again], [
      "server",
      "Timeout",
      "There was no answer within 0.05 s",
      "lost",
    ]);
  }
  for (const end of waiting) end();
  await server.shutdown();
});

Deno.test("HttpClient keeps its connections open, and opens another when the server has closed one", async () => {
  const ports = new Set<number>();
  let close = false;
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (_, { remoteAddr }) => {
    ports.add(remoteAddr.port);
    return new Response("x".repeat(20), close ? { headers: { connection: "close" } } : {});
  });
  {
    await using client = new HttpClient({
      url: `http://127.0.0.1:${server.addr.port}/`,
      connections: 1,
      maxAnswer: 100,
      whole: true,
    });
    for (let i = 0; i < 10; i++) assert.equal(textOf(await client.ask(question)), "x".repeat(20));
    assert.equal(ports.size, 1);
    close = true;
    for (let i = 0; i < 3; i++) assert.equal(textOf(await client.ask(question)), "x".repeat(20));
    assert.equal(ports.size, 3);
  }
  await server.shutdown();
});

Deno.test("HttpClient uses no connection that the server has closed while it was idle", async () => {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const encoder = new TextEncoder();
  const begun: Deno.Conn[] = [];
  /** Waits for a request, and sends the answer of that length to it. */
  const answer = async (conn: Deno.Conn, body: string) => {
    const space = new Uint8Array(1000);
    assert.ok(await conn.read(space));
    await conn.write(encoder.encode(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`));
  };
  {
    await using client = new HttpClient({
      url: `http://127.0.0.1:${listener.addr.port}/`,
      connections: 3,
      maxAnswer: 100,
      whole: true,
    });
    const asked = [client.ask(question), client.ask(question), client.ask(question)];
    for (const _ of asked) begun.push(await listener.accept());
    await Promise.all(begun.map((conn) => answer(conn, "first")));
    for (const reply of asked) assert.equal(textOf(await reply), "first");
    await begun[0]!.closeWrite();
    // What no request asked for is not the answer to the next one.
    await begun[1]!.write(encoder.encode("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"));
    await begun[2]!.closeWrite();
    for (const conn of begun) assert.equal(await settled(conn.read(new Uint8Array(1)), "the client's end"), null);
    const again = client.ask(question);
    begun.push(await listener.accept());
    await answer(begun[3]!, "second");
    assert.equal(textOf(await again), "second");
  }
  for (const conn of begun) conn.close();
  listener.close();
});

Deno.test("HttpClient accepts an answer that has no content", async () => {
  await withServer(() => new Response(null, { status: 204 }), async (_, ask) => {
    assert.equal(textOf(await ask()), "");
  });
});

Deno.test("HttpClient sends long bodies, and reads chunked answers", async () => {
  const handle: Handle = async (request) => {
    const { length } = await request.bytes();
    return new Response(
      new ReadableStream({
        start(controller) {
          for (const part of ["a", String(length)]) controller.enqueue(new TextEncoder().encode(part));
          controller.close();
        },
      }),
    );
  };
  await withServer(handle, async (client) => {
    const patience = new Patience(client, { retries: 0, maxAnswer: 100, signal: new AbortController().signal });
    assert.equal(textOf(await patience.ask({ ...question, body: new Uint8Array(3_000_000) })), "a3000000");
  });
});

Deno.test("Patience gives up after too long without any answer", async () => {
  const ask: Ask = {
    atOnce: 1,
    ask: () =>
      Promise.resolve({
        kind: "fault",
        fault: { stage: "server", type: "Refused", message: "full", again: "refused" },
      }),
    abandon: () => {},
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const { signal } = new AbortController();
  const patience = new Patience(ask, { retries: 1, maxAnswer: 1, signal, patienceMs: 300 });
  await assert.rejects(patience.ask(question), /No request was answered for \d s. The last error: full/);
});

Deno.test("pauseIn() reads seconds and dates", () => {
  assert.equal(pauseIn(null), undefined);
  assert.equal(pauseIn("3"), 3000);
  assert.equal(pauseIn("Fri, 31 Dec 1999 23:59:59 GMT", Date.UTC(1999, 11, 31, 23, 59, 50)), 9000);
  assert.equal(pauseIn("Fri, 31 Dec 1999 23:59:59 GMT", Date.UTC(2000, 0, 1)), 0);
  assert.equal(pauseIn("soon"), undefined);
});
