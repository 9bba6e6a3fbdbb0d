import assert from "node:assert/strict";
import {
  type Answer,
  type Handle,
  HttpServer,
  type HttpServerOptions,
  type Listener,
} from "../../../../src/http/h1/mod.ts";
import { HttpProblem, problemFrom } from "../../../../src/http/problem.ts";
import { equalBytes, pattern, text, utf8 } from "../../helper/bytes.ts";
import { settled, until } from "../../helper/deadline.ts";
import { readAll, SocketPairs, writeAll } from "../../helper/sockets.ts";
import { CapturedLogs } from "../../helper/logs.ts";

const HOST = "Host: a\r\n";

const answerError = (error: unknown) => problemFrom(error).toAnswer();

const saying = (words: string, headers = {}): Answer => ({ status: 200, headers, body: utf8(words) });
/** Answers with the request's body. */
const echo: Handle = async (request) => ({ status: 200, headers: {}, body: await request.body(2 ** 30) });

const post = (body: string, headers = "") =>
  `POST / HTTP/1.1\r\n${HOST}${headers}Content-Length: ${body.length}\r\n\r\n${body}`;
const chunked = (chunks: string) => `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${chunks}`;

/** A server on a free port, and clients that send raw bytes. */
class Fixture implements AsyncDisposable {
  readonly server: HttpServer;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #clients: Client[] = [];

  constructor(handle: Handle, options: Partial<HttpServerOptions> = {}) {
    this.server = new HttpServer({ handle, answerError, readTimeoutMs: 60_000, ...options });
    this.server.listen(this.#listener);
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  async connect(): Promise<Client> {
    const client = new Client(await Deno.connect({ hostname: "127.0.0.1", port: this.port }));
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.close();
    await settled(this.server.drain(), "the end of all connections");
  }
}

class Client {
  readonly #conn: Deno.TcpConn;
  received = new Uint8Array(0);
  ended = false;
  #open = true;

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
    conn.setNoDelay();
  }

  async send(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === "string" ? utf8(data) : data;
    for (let sent = 0; sent < bytes.length;) sent += await this.#conn.write(bytes.subarray(sent));
  }

  /** Reads until the received text is as expected, or nothing more arrives; returns all text. */
  async receive(until: (received: string) => boolean = () => false): Promise<string> {
    const more = async () => {
      const buffer = new Uint8Array(256 * 1024);
      while (!this.ended && !until(text(this.received))) {
        const count = await this.#conn.read(buffer).catch(() => null);
        if (count === null) this.ended = true;
        else this.received = new Uint8Array([...this.received, ...buffer.subarray(0, count)]);
      }
      return text(this.received);
    };
    return await settled(more(), "an answer");
  }

  /** Reads one answer with Content-Length, and removes it from the received text. */
  async answer(): Promise<{ head: string; body: string }> {
    const whole = /^(HTTP[^]*?\r\ncontent-length: (\d+)\r\n[^]*?)\r\n\r\n/;
    const has = (said: string) => {
      const [head, , length] = whole.exec(said) ?? [];
      return head !== undefined && said.length >= head.length + Number(length);
    };
    const said = await this.receive(has);
    const [start, head, length] = whole.exec(said)!;
    const end = start.length + Number(length);
    this.received = this.received.slice(end);
    return { head: head!, body: said.slice(start.length, end) };
  }

  async closeWrite(): Promise<void> {
    await this.#conn.closeWrite();
  }

  close(): void {
    if (this.#open) this.#conn.close();
    this.#open = false;
  }
}

Deno.test("HttpServer answers a request that arrives byte by byte", async () => {
  await using fixture = new Fixture(echo);
  const client = await fixture.connect();
  for (const byte of utf8(`\r\n${post("body")}`)) {
    await client.send(new Uint8Array([byte]));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const { head, body } = await client.answer();
  assert.match(head, /^HTTP\/1\.1 200 OK\r\ncontent-length: 4\r\ndate: .* GMT$/);
  assert.equal(body, "body");
});

Deno.test("HttpServer answers pipelined requests one after the other, in their order", async () => {
  let running = 0;
  await using fixture = new Fixture(async (request) => {
    assert.equal(++running, 1);
    const body = await request.body(1000);
    await new Promise((resolve) => setTimeout(resolve, body.length % 3));
    running--;
    return { status: 200, headers: {}, body };
  });
  const client = await fixture.connect();
  const bodies = Array.from({ length: 200 }, (_, i) => `${i}`.repeat(i % 7));
  const all = bodies.map((body, i) =>
    i % 5 === 0 && body.length > 0 ? chunked(`${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`) : post(body)
  ).join("");
  const sending = (async () => {
    // Pieces that end at every position.
    for (let at = 0, size = 1; at < all.length; at += size, size = (size * 7) % 401) {
      await client.send(all.slice(at, at + size));
    }
  })();
  for (const body of bodies) assert.equal((await client.answer()).body, body);
  await sending;
});

Deno.test("HttpServer keeps the next request apart when its pieces arrive while another one is executed", async () => {
  const release: (() => void)[] = [];
  await using fixture = new Fixture(async (request) => {
    const body = await request.body(1000);
    await new Promise<void>((resolve) => release.push(resolve));
    return { status: 200, headers: {}, body };
  });
  const client = await fixture.connect();
  // The second request is complete when the first begins, and the third arrives while the first is executed.
  await client.send(post("first") + post("second"));
  await until(() => release.length === 1, "the first is executed");
  const third = post("third");
  await client.send(third.slice(0, 20));
  await new Promise((resolve) => setTimeout(resolve, 20));
  await client.send(third.slice(20));
  for (const body of ["first", "second", "third"]) {
    await until(() => release.length === 1, `${body} is executed`);
    release.pop()!();
    assert.equal((await client.answer()).body, body);
  }
});

for (const length of [3000, 5000, 70_000, 3 * 2 ** 20 + 1]) {
  Deno.test(`HttpServer receives and sends a body of ${length} bytes, with its length and in chunks`, async () => {
    let asked = 0;
    await using fixture = new Fixture(async (request) => {
      asked++;
      const body = await request.body(2 ** 30);
      assert.equal(body.buffer.byteLength, body.length);
      return { status: 200, headers: {}, body };
    });
    const url = `http://127.0.0.1:${fixture.port}`;
    const bytes = pattern(length, 1);
    for (const body of [bytes, new Blob([bytes]).stream()]) {
      assert.ok(equalBytes(await (await fetch(url, { method: "POST", body })).bytes(), bytes));
    }
    assert.equal(asked, 2);
  });
}

Deno.test("HttpServer refuses a body over the limit before it reads it, and a chunked one as soon as it exceeds the limit", async () => {
  await using fixture = new Fixture(async (request) => {
    await request.body(10);
    return saying("taken");
  });
  for (const request of [post("x".repeat(11)), chunked(`a\r\n${"x".repeat(10)}\r\n1\r\nx`), chunked("ffffffff\r\n")]) {
    const client = await fixture.connect();
    await client.send(request);
    const { head } = await client.answer();
    assert.match(head, /^HTTP\/1\.1 413 Content Too Large\r\n/);
    assert.equal(head.endsWith("\r\nconnection: close"), request.includes("chunked"));
  }
  const client = await fixture.connect();
  await client.send(post("x".repeat(10)) + chunked(`a\r\n${"x".repeat(10)}\r\n0\r\n\r\n`));
  for (let i = 0; i < 2; i++) assert.equal((await client.answer()).body, "taken");
});

for (
  const [what, chunks] of [
    ["no size", "\r\nhi\r\n0\r\n\r\n"],
    ["a size that is none", "x\r\nhi\r\n0\r\n\r\n"],
    ["a size with a sign", "-2\r\nhi\r\n0\r\n\r\n"],
    ["a size over 2^52", "fffffffffffffff\r\nhi\r\n"],
    ["a line that ends with LF alone", "2\nhi\r\n0\r\n\r\n"],
    ["more bytes than they say", "2\r\nhii\r\n0\r\n\r\n"],
    ["a line without an end", `2;${"a".repeat(300)}`],
    ["a space behind the size", "2 \r\nhi\r\n0\r\n\r\n"],
    ["a tab behind the size", "2\t\r\nhi\r\n0\r\n\r\n"],
    ["a space before an extension", "2 ;a\r\nhi\r\n0\r\n\r\n"],
    ["a space in front of a value", "2;a= b\r\nhi\r\n0\r\n\r\n"],
    ["an extension without a name", "2;\r\nhi\r\n0\r\n\r\n"],
    ["an extension that is a value alone", "2;=a\r\nhi\r\n0\r\n\r\n"],
    ["an extension with a space in it", "2;a b\r\nhi\r\n0\r\n\r\n"],
    ["an extension whose quotes are not closed", '2;a="b\r\nhi\r\n0\r\n\r\n'],
    ["a line end in quotes", '2;a="\r\n"\r\nhi\r\n0\r\n\r\n'],
    ["a character that is not ASCII in an extension's name", "2;\xe4\r\nhi\r\n0\r\n\r\n"],
    ["endless extensions", `1;${"a".repeat(200)}\r\nh\r\n`.repeat(100)],
    ["a trailer that ends with LF alone", "0\r\n\nGET / HTTP/1.1\r\n\r\n"],
    ["a trailer without a name", "0\r\n: a\r\n\r\n"],
    ["a trailer of Content-Length", "2\r\nhi\r\n0\r\ncontent-length: 2\r\n\r\n"],
    ["a trailer of Transfer-Encoding", "2\r\nhi\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"],
    ["endless trailers", `0\r\n${"A: b\r\n".repeat(2000)}`],
  ] as const
) {
  Deno.test(`HttpServer answers 400 to a chunked body with ${what}`, async () => {
    await using fixture = new Fixture(echo);
    const client = await fixture.connect();
    await client.send(chunked(chunks));
    assert.match((await client.answer()).head, /^HTTP\/1\.1 400 Bad Request\r\n/);
    await client.receive();
  });
}

Deno.test("HttpServer accepts chunks with extensions and trailers", async () => {
  await using fixture = new Fixture(echo);
  const client = await fixture.connect();
  await client.send(chunked(`${"0".repeat(40)}2;a=b;c;d="e;\\"f"\r\nhi\r\n00\r\nA: b\r\n\r\n`) + post("next"));
  assert.equal((await client.answer()).body, "hi");
  assert.equal((await client.answer()).body, "next");
});

Deno.test("HttpServer sends 100 Continue to a client that waits for it, and only when a handler reads the body", async () => {
  let wanted = true;
  await using fixture = new Fixture(async (request) => wanted ? await echo(request) : saying("no"));
  const head = `POST / HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n`;
  const one = await fixture.connect();
  await one.send(head);
  assert.equal(await one.receive((said) => said.endsWith("\r\n\r\n")), "HTTP/1.1 100 Continue\r\n\r\n");
  one.received = new Uint8Array(0);
  await one.send("hi");
  assert.equal((await one.answer()).body, "hi");
  wanted = false;
  const other = await fixture.connect();
  await other.send(head);
  assert.match((await other.answer()).head, /connection: close$/);
});

Deno.test("HttpServer keeps the connection after a small unread body, and closes it after a large one", async () => {
  await using fixture = new Fixture(() => Promise.resolve(saying("unread")));
  const client = await fixture.connect();
  await client.send(post("x".repeat(5000)) + post(""));
  for (let i = 0; i < 2; i++) assert.doesNotMatch((await client.answer()).head, /connection:/);
  await client.send(post("x".repeat(100_000)));
  assert.match((await client.answer()).head, /connection: close$/);
  assert.equal(await client.receive(), "");
});

Deno.test("HttpServer answers a malformed request with the reason, and closes the connection", async () => {
  await using fixture = new Fixture(echo);
  for (const [sent, status] of [["\x16\x03\x01", 400], ["GET /\r\n", 400], [`GET / HTTP/1.1\r\nA\r\n\r\n`, 400]]) {
    const client = await fixture.connect();
    await client.send(sent as string);
    const { head, body } = await client.answer();
    assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.match(head, /content-type: application\/problem\+json\r\n/);
    assert.equal(JSON.parse(body).status, status);
    await client.receive();
  }
});

Deno.test("HttpServer answers with the problem that a handler throws, and with 500 for any other error", async () => {
  using logs = new CapturedLogs();
  await using fixture = new Fixture(({ head }) => {
    throw head.target === "/" ? new HttpProblem(418, "a teapot") : new TypeError("a bug");
  });
  const client = await fixture.connect();
  await client.send(post("") + post("").replace("/", "/bug"));
  assert.equal(JSON.parse((await client.answer()).body).detail, "a teapot");
  assert.match((await client.answer()).body, /the server's log has the details/);
  assert.match(logs.lines[0]!, /TypeError: a bug/);
});

/** A streamed answer that records whether it was cancelled. */
function pieces(words: readonly (string | Error)[]) {
  const left = [...words];
  const state = { cancelled: false };
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      const next = left.shift();
      if (next === undefined) controller.close();
      else if (typeof next === "string") controller.enqueue(utf8(next));
      else controller.error(next);
    },
    cancel: () => void (state.cancelled = true),
  }, { highWaterMark: 0 });
  return { state, answer: { status: 200, headers: {}, body } };
}

Deno.test("HttpServer sends a stream in chunks, and closes the connection without the last chunk when the stream fails", async () => {
  const bodies = [pieces(["one", "", "x".repeat(20)]).answer, pieces(["one", new Error("lost")]).answer];
  await using fixture = new Fixture(() => Promise.resolve(bodies.shift()!));
  const client = await fixture.connect();
  await client.send(post("") + post(""));
  const [, first, second] = (await client.receive()).split(/HTTP\/1\.1 200 OK\r\n/);
  assert.match(first!, /transfer-encoding: chunked\r\n/);
  assert.equal(first!.split("\r\n\r\n").slice(1).join("\r\n\r\n"), `3\r\none\r\n14\r\n${"x".repeat(20)}\r\n0\r\n\r\n`);
  assert.ok(second!.endsWith("3\r\none\r\n"));
});

/** A streamed answer of pieces, in groups that are ready together. */
function groups(words: readonly (readonly string[] | Error)[]) {
  const left = [...words];
  const calls: string[] = [];
  const body = {
    next: () => {
      const next = left.shift()!;
      if (next instanceof Error) return Promise.reject(next);
      return Promise.resolve({ pieces: next.map((word) => utf8(word)), last: left.length === 0 });
    },
    sent: () => void calls.push("sent"),
    cancel: () => void calls.push("cancel"),
  };
  return { calls, answer: { status: 200, headers: {}, body } };
}

Deno.test("HttpServer sends pieces that are ready together in one chunk, the first after the head, and the last with the end", async () => {
  const long = "x".repeat(9000);
  const whole = groups([["a", "", "b"], [""], [], ["c", long], ["d"]]);
  const empty = groups([[""], []]);
  const failing = groups([["a"], new Error("lost")]);
  const bodies = [whole.answer, empty.answer, failing.answer];
  await using fixture = new Fixture(() => Promise.resolve(bodies.shift()!));
  const client = await fixture.connect();
  await client.send(post("").repeat(3));
  const [, ...said] = (await client.receive()).split(/HTTP\/1\.1 200 OK\r\n[^]*?\r\n\r\n/);
  assert.deepEqual(said, [`2\r\nab\r\n2329\r\nc${long}\r\n1\r\nd\r\n0\r\n\r\n`, "0\r\n\r\n", "1\r\na\r\n"]);
  assert.deepEqual([whole.calls, empty.calls, failing.calls[0]], [["sent"], ["sent"], "cancel"]);
});

Deno.test("HttpServer sends pieces to an HTTP/1.0 client without chunks, and none in the answer to HEAD", async () => {
  const old = groups([["a", "b"], [], ["c"]]);
  const none = groups([["a"]]);
  const bodies = [old.answer, none.answer];
  await using fixture = new Fixture(() => Promise.resolve(bodies.shift()!));
  const client = await fixture.connect();
  await client.send("GET / HTTP/1.0\r\n\r\n");
  assert.match(await client.receive(), /\r\nconnection: close\r\n\r\nabc$/);
  const other = await fixture.connect();
  await other.send("HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  assert.match(await other.receive(), /\r\n\r\n$/);
  assert.deepEqual([old.calls, none.calls], [["sent"], ["cancel"]]);
});

Deno.test("HttpServer cancels pieces when the client leaves", async () => {
  const left = Promise.withResolvers<void>();
  const body = {
    next: async () => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      return { pieces: [utf8("a")], last: false };
    },
    sent: () => {},
    cancel: left.resolve,
  };
  await using fixture = new Fixture(() => Promise.resolve({ status: 200, headers: {}, body }));
  const client = await fixture.connect();
  await client.send(post(""));
  await client.receive((said) => said.includes("a\r\n"));
  client.close();
  await settled(left.promise, "cancel()");
});

Deno.test("HttpServer sends a stream to an HTTP/1.0 client without chunks, and closes the connection", async () => {
  await using fixture = new Fixture(() => Promise.resolve(pieces(["one", "two"]).answer));
  const client = await fixture.connect();
  await client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const said = await client.receive();
  assert.match(said, /\r\nconnection: close\r\n\r\nonetwo$/);
});

Deno.test("HttpServer answers 500 and cancels the stream when a handler's header is invalid", async () => {
  using logs = new CapturedLogs();
  const { state, answer } = pieces(["one"]);
  const answers: Answer[] = [{ ...answer, headers: { a: "b\r\nc" } }, saying("next")];
  await using fixture = new Fixture(() => Promise.resolve(answers.shift()!));
  const client = await fixture.connect();
  await client.send(post("") + post(""));
  assert.match((await client.answer()).head, /^HTTP\/1\.1 500 /);
  assert.equal((await client.answer()).body, "next");
  assert.equal(state.cancelled, true);
  assert.match(logs.lines[0]!, /The header 'a' can't be/);
});

Deno.test("HttpServer cancels a stream when the client disconnects before the first piece", async () => {
  const release = Promise.withResolvers<void>();
  const { state, answer } = pieces(["one"]);
  await using fixture = new Fixture(async (request) => {
    await request.body(10);
    await new Promise<void>((resolve) => request.onLeave(resolve));
    release.resolve();
    return answer;
  });
  const client = await fixture.connect();
  await client.send(post("hi"));
  client.close();
  await settled(release.promise, "the handler is told");
  await until(() => state.cancelled, "the pieces are let go");
});

Deno.test("HttpServer detects that a client disconnects after it has pipelined more requests, and executes none of them", async () => {
  for (const more of ["", "\r\n", post("").slice(0, 9), post("").replace("/", "/2")]) {
    const told: string[] = [];
    const asked: string[] = [];
    await using fixture = new Fixture(async (request) => {
      asked.push(request.head.target);
      await request.body(10);
      if (!request.left) await new Promise<void>((resolve) => request.onLeave(resolve));
      told.push(request.head.target);
      return saying("late");
    });
    const client = await fixture.connect();
    await client.send(post("").replace("/", "/1"));
    await until(() => asked.length === 1, "it is executed");
    await client.send(more);
    client.close();
    await until(() => told.length > 0, "it is told");
    await settled(fixture.server.drain(), "the end of the connection");
    assert.deepEqual([asked, told], [["/1"], ["/1"]]);
  }
});

Deno.test("HttpServer answers a client that half-closes its connection after complete requests", async () => {
  await using fixture = new Fixture(async (request) => {
    const body = await request.body(1000);
    // Meanwhile the server sees the end of the client's data.
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(request.left, false);
    return { status: 200, headers: {}, body };
  });
  for (const requests of [post("one"), post("one") + post("two"), `${chunked("3\r\none\r\n0\r\n\r\n")}\r\n`]) {
    const client = await fixture.connect();
    await client.send(requests);
    await client.closeWrite();
    const said = await client.receive();
    assert.deepEqual(said.match(/(?<=\r\n\r\n)(one|two)/g), requests.match(/one|two/g));
  }
});

Deno.test("HttpServer sends interim responses to detect whether a client that half-closed its connection still reads", async () => {
  const release = Promise.withResolvers<void>();
  const left: string[] = [];
  await using fixture = new Fixture(async (request) => {
    const body = await request.body(1000);
    await Promise.race([release.promise, new Promise<void>((resolve) => request.onLeave(resolve))]);
    if (request.left) left.push(text(body));
    return { status: 200, headers: {}, body };
  });
  const [staying, old, leaving] = [await fixture.connect(), await fixture.connect(), await fixture.connect()];
  await staying.send(post("staying"));
  await old.send(post("old").replace("HTTP/1.1", "HTTP/1.0"));
  await leaving.send(post("leaving"));
  for (const client of [staying, old]) await client.closeWrite();
  leaving.close();
  await until(() => left.length > 0, "the one that has left is found");
  assert.deepEqual(left, ["leaving"]);
  const before = await staying.receive((said) => said.includes("100 Continue"));
  assert.match(before, /^(HTTP\/1\.1 100 Continue\r\n\r\n)+$/);
  release.resolve();
  assert.match(await staying.receive(), /^(HTTP\/1\.1 100 Continue\r\n\r\n)+HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nstaying$/);
  // An HTTP/1.0 client would take an interim response for its answer.
  assert.match(await old.receive(), /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nold$/);
});

Deno.test("HttpServer sends a whole stream to a client that has half-closed its connection", async () => {
  const { answer } = pieces(["one", "two"]);
  await using fixture = new Fixture(async (request) => {
    await request.body(10);
    await new Promise((resolve) => setTimeout(resolve, 20));
    return answer;
  });
  const client = await fixture.connect();
  await client.send(post("hi"));
  await client.closeWrite();
  assert.match(await client.receive(), /\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n$/);
});

for (
  const [what, sent] of [["head", post("").slice(0, -5)], ["body", post("hi").slice(0, -1)], [
    "chunk",
    chunked("2\r\nh"),
  ]]
) {
  Deno.test(`HttpServer answers 400 when a client half-closes its connection within a ${what}`, async () => {
    await using fixture = new Fixture(echo);
    const client = await fixture.connect();
    await client.send(sent!);
    await client.closeWrite();
    assert.match(await client.receive(), /^HTTP\/1\.1 400 [^]*ended/);
  });
}

Deno.test("HttpServer gives the same answer wherever a request is split", async () => {
  const long = "A".repeat(65);
  await using fixture = new Fixture(({ head: { method, path } }) => Promise.resolve(saying(`${method} ${path}`)));
  for (
    const [sent, status] of [
      [`${"A".repeat(64)} / HTTP/1.1\r\n${HOST}\r\n`, 200],
      [`${long} / HTTP/1.1\r\n${HOST}\r\n`, 501],
      [`${long} nonsense\r\n\r\n`, 501],
      ["BREW / HTCPCP/1.0\r\n\r\n", 400],
      [`GET / HTTP/2.0\r\n${HOST}\r\n`, 505],
      [`GET / HTTP/1.1\n${HOST}\r\n`, 400],
      [`GET / HTTP/1.1\r\n${HOST}\n`, 400],
      [`\nGET / HTTP/1.1\r\n${HOST}\r\n`, 400],
      [`GET /a\\b HTTP/1.1\r\n${HOST}\r\n`, 400],
    ] as const
  ) {
    for (const size of [1, 7, sent.length]) {
      const client = await fixture.connect();
      for (let at = 0; at < sent.length && !client.ended; at += size) {
        await client.send(sent.slice(at, at + size)).catch(() => {});
        if (size < sent.length) await new Promise((resolve) => setTimeout(resolve, 0));
      }
      assert.match((await client.answer()).head, new RegExp(`^HTTP/1\\.1 ${status} `), `${sent} in pieces of ${size}`);
      client.close();
    }
  }
});

Deno.test("HttpServer sends no body in answer to a HEAD request that it refuses", async () => {
  await using fixture = new Fixture(() => {
    throw new HttpProblem(404, "nothing");
  });
  for (
    const sent of [
      `HEAD / HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`,
      "HEAD / HTTP/1.1\r\n\r\n",
      `HEAD / HTTP/1.1\r\n${HOST}A : b\r\n\r\n`,
      `HEAD /../a HTTP/1.1\r\n${HOST}\r\n`,
      `HEAD / HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip, chunked\r\n\r\n`,
      "HEAD /\r\n\r\n",
      `HEAD /${"a".repeat(70_000)} HTTP/1.1\r\n${HOST}\r\n`,
    ]
  ) {
    const client = await fixture.connect();
    await client.send(sent);
    assert.match(await client.receive(), /^HTTP\/1\.1 (4..|501) [^]*\r\n\r\n$/);
  }
});

Deno.test("HttpServer allocates memory for a body as it arrives, not as it is announced", async () => {
  await using fixture = new Fixture(echo, { maxBodyMemory: 100_000 });
  const one = await fixture.connect();
  // Ten times the available memory.
  await one.send(post("x".repeat(1_000_000)).slice(0, 1000));
  for (let i = 0; i < 2; i++) {
    const other = await fixture.connect();
    await other.send(post("x".repeat(50_000)));
    assert.match((await other.answer()).head, /^HTTP\/1\.1 200 /);
  }
});

Deno.test("HttpServer answers 503 to a body that exceeds the memory for all bodies, until memory is free again", async () => {
  const release: (() => void)[] = [];
  await using fixture = new Fixture(async (request) => {
    const body = await request.body(2 ** 30);
    if (body.length > 10_000) await new Promise<void>((resolve) => release.push(resolve));
    return saying(`${body.length}`);
  }, { maxBodyMemory: 300_000 });
  const large = (sent: string) => async () => {
    const client = await fixture.connect();
    await client.send(sent);
    return client;
  };
  const whole = large(post("x".repeat(150_000)));
  const inChunks = large(chunked(`${(150_000).toString(16)}\r\n${"x".repeat(150_000)}\r\n0\r\n\r\n`));
  for (const [first, second] of [[whole, inChunks], [inChunks, whole]] as const) {
    const holding = await first();
    await until(() => release.length === 1, "the first is executed");
    const refused = await (await second()).answer();
    assert.match(refused.head, /^HTTP\/1\.1 503 [^]*\r\nretry-after: 1\r\n[^]*\r\nconnection: close$/);
    assert.match(refused.body, /--max-body-memory/);
    // Large bodies do not block small ones.
    assert.equal((await (await large(post("x".repeat(4000)))()).answer()).body, "4000");
    release.pop()!();
    assert.equal((await holding.answer()).body, "150000");
  }
  // Refused and interrupted requests have released their memory.
  for (let i = 0; i < 5; i++) {
    const leaving = await large(post("x".repeat(150_000)).slice(0, 120_000))();
    leaving.close();
    await until(() => fixture.server.budget.used === 0, "its memory is given back");
  }
});

Deno.test("HttpServer keeps an HTTP/1.0 connection open when its client asks for that", async () => {
  await using fixture = new Fixture(echo);
  const client = await fixture.connect();
  const request = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
  await client.send(request + request);
  for (let i = 0; i < 2; i++) assert.match((await client.answer()).head, /\r\nconnection: keep-alive$/);
});

Deno.test("HttpServer sends no body in answer to HEAD", async () => {
  await using fixture = new Fixture(() => Promise.resolve(saying("body")));
  const client = await fixture.connect();
  await client.send(`HEAD / HTTP/1.1\r\n${HOST}\r\nHEAD / HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`);
  const said = await client.receive();
  assert.equal(said.match(/HTTP\/1\.1 200 OK/g)?.length, 2);
  assert.doesNotMatch(said, /body|content-length/);
});

Deno.test("HttpServer tells a handler that its client has disconnected, and cancels a streamed answer", async () => {
  const entered = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  await using fixture = new Fixture(async (request) => {
    await request.body(10);
    request.onLeave(() => gone.resolve());
    assert.equal(request.left, false);
    entered.resolve();
    await gone.promise;
    assert.equal(request.left, true);
    return saying("too late");
  });
  const client = await fixture.connect();
  await client.send(post("hi"));
  await entered.promise;
  client.close();
  await settled(gone.promise, "the handler is told");

  const endless = pieces(Array(1e6).fill("x".repeat(60_000)));
  await using other = new Fixture(() => Promise.resolve(endless.answer));
  const second = await other.connect();
  await second.send(post(""));
  await second.receive((said) => said.length > 1000);
  second.close();
  await until(() => endless.state.cancelled, "the pieces are let go");
});

Deno.test("HttpServer closes only connections whose clients take too long to send a request", async () => {
  using logs = new CapturedLogs();
  const release = Promise.withResolvers<void>();
  await using fixture = new Fixture(async (request) => {
    const body = await request.body(1000);
    if (text(body) === "long") await release.promise;
    return { status: 200, headers: {}, body };
  }, { readTimeoutMs: 50 });
  const between = await fixture.connect();
  await between.send(post("hi"));
  await between.answer();
  const executing = await fixture.connect();
  await executing.send(post("long"));
  const late: Client[] = [];
  for (const sent of ["", "P", post("hi").slice(0, -1), post("hi") + "G", chunked("1\r\n")]) {
    const client = await fixture.connect();
    await client.send(sent);
    late.push(client);
  }
  await new Promise((resolve) => setTimeout(resolve, 100));
  fixture.server.look();
  for (const client of late) {
    await client.receive();
    assert.equal(client.ended, true);
  }
  assert.match(logs.lines.join("\n"), /took more than 0\.05 s \(--read-timeout\): 5/);
  release.resolve();
  assert.equal((await executing.answer()).body, "long");
  await between.send(post("again"));
  assert.equal((await between.answer()).body, "again");
});

Deno.test("HttpServer does not count a handler's pause between two pieces as a client that does not read", async () => {
  const release = Promise.withResolvers<void>();
  let first = true;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      if (first) controller.enqueue(utf8("first"));
      else {
        await release.promise;
        controller.close();
      }
      first = false;
    },
  }, { highWaterMark: 0 });
  await using fixture = new Fixture(() => Promise.resolve({ status: 200, headers: {}, body }), { readTimeoutMs: 1 });
  const client = await fixture.connect();
  await client.send(post(""));
  await client.receive((said) => said.includes("first"));
  await new Promise((resolve) => setTimeout(resolve, 20));
  fixture.server.look();
  release.resolve();
  assert.match(await client.receive((said) => said.endsWith("0\r\n\r\n")), /\r\n0\r\n\r\n$/);
});

Deno.test("HttpServer extends the read timeout by one second for each KiB received", async () => {
  await using fixture = new Fixture(echo, { readTimeoutMs: 1 });
  const client = await fixture.connect();
  const request = post("x".repeat(200_000));
  await client.send(request.slice(0, 100_000));
  await new Promise((resolve) => setTimeout(resolve, 100));
  fixture.server.look();
  await client.send(request.slice(100_000));
  assert.equal((await client.answer()).body.length, 200_000);
});

Deno.test("HttpServer closes a connection whose client does not read its answer, and frees its descriptor", async () => {
  const answer = { status: 200, headers: {}, body: new Uint8Array(64 * 2 ** 20) };
  await using fixture = new Fixture(() => Promise.resolve(answer), { readTimeoutMs: 50 });
  const descriptors = () => [...Deno.readDirSync("/proc/self/fd")].length;
  using logs = new CapturedLogs();
  const client = await fixture.connect();
  const before = descriptors();
  await client.send(post(""));
  await until(() => {
    fixture.server.look();
    return descriptors() < before;
  }, "the server's end is closed");
  fixture.server.look();
  assert.equal(logs.lines.length, 1, "it is said once");
});

Deno.test("HttpServer closes the connections that wait for their client, and none whose request is executed, when descriptors run low", async () => {
  using logs = new CapturedLogs();
  let open = 0;
  const release = Promise.withResolvers<void>();
  await using fixture = new Fixture(async (request) => {
    const body = await request.body(10);
    if (text(body) === "long") await release.promise;
    return { status: 200, headers: {}, body };
  }, { descriptors: () => ({ open, limit: 100 }) });
  const clients: Client[] = [];
  for (const body of ["long", "b", "c", "d"]) {
    const client = await fixture.connect();
    await client.send(post(body));
    if (body !== "long") await client.answer();
    clients.push(client);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  open = 90;
  fixture.server.look();
  assert.deepEqual(logs.lines, []);
  open = 82;
  fixture.server.look();
  assert.deepEqual(logs.lines, []);
  open = 91;
  // Eleven connections are too many, and three of them are idle.
  fixture.server.look();
  assert.match(
    logs.lines[0]!,
    /91 of 100 file descriptors are open .*closed the connections of the slowest clients: 3/,
  );
  for (const client of clients.slice(1)) assert.equal(await client.receive(), "");
  release.resolve();
  assert.equal((await clients[0]!.answer()).body, "long");
});

Deno.test("HttpServer closes the slowest clients first when descriptors run low, not the newest", async () => {
  let open = 0;
  await using fixture = new Fixture(echo, { descriptors: () => ({ open, limit: 10 }) });
  const start = async (sent: string) => {
    const client = await fixture.connect();
    await client.send(sent);
    return client;
  };
  const large = `POST / HTTP/1.1\r\n${HOST}Content-Length: 2000000\r\n\r\n`;
  const slow = [await start(`${large}a`), await start(chunked("1\r\n")), await start("G"), await start("")];
  const fast = await start(large + "x".repeat(1_000_000));
  await new Promise((resolve) => setTimeout(resolve, 200));
  const last = await start("");
  // The server must close the four slowest, which is the number above the limit.
  await new Promise((resolve) => setTimeout(resolve, 10));
  open = 12;
  fixture.server.look();
  for (const client of slow) await client.receive();
  open = 0;
  await fast.send("x".repeat(1_000_000));
  assert.equal((await fast.answer()).body.length, 2_000_000);
  await last.send(post("hi"));
  assert.equal((await last.answer()).body, "hi");
});

/** A listener that accepts given connections, or fails with given errors. */
class FakeListener {
  readonly addr = { transport: "unix", path: "" };
  #close = Promise.withResolvers<never>();

  constructor(readonly next: () => Promise<Deno.Conn> | undefined) {}

  accept(): Promise<Deno.Conn> {
    return this.next() ?? this.#close.promise;
  }

  close(): void {
    this.#close.promise.catch(() => {});
    this.#close.reject(new Deno.errors.BadResource("closed"));
  }
}

const systemError = (code: string) => Object.assign(new Error(code), { code });

Deno.test("HttpServer accepts the next connection without delay after connections that ended before they were accepted", async () => {
  using pairs = new SocketPairs();
  using pair = await pairs.next();
  using logs = new CapturedLogs();
  let failures = 0;
  const accepted: Promise<Deno.Conn>[] = [Promise.resolve(pair.theirs)];
  const listener = new FakeListener(() =>
    // A pause after each would take minutes.
    failures++ < 5000
      ? Promise.reject(systemError(["ENOTCONN", "ECONNABORTED", "EPROTO"][failures % 3]!))
      : accepted.pop()
  );
  const server = new HttpServer({ handle: echo, readTimeoutMs: 60_000 });
  server.listen(listener as unknown as Listener);
  await writeAll(pair.ours, utf8(post("hi")));
  await pair.ours.closeWrite();
  assert.match(text(await settled(readAll(pair.ours), "the answer")), /\r\n\r\nhi$/);
  assert.deepEqual(logs.lines, []);
  await server.drain();
});

Deno.test("HttpServer logs and waits when there is no descriptor for a connection", async () => {
  using logs = new CapturedLogs();
  let failures = 0;
  const listener = new FakeListener(() => {
    failures++;
    return Promise.reject(systemError("EMFILE"));
  });
  const server = new HttpServer({ handle: echo, readTimeoutMs: 60_000 });
  server.listen(listener as unknown as Listener);
  await until(() => failures === 2, "it is tried again");
  assert.match(logs.lines[0]!, /A connection could not be accepted: EMFILE/);
  server.close();
  await until(() => failures === 3, "the last pause is over");
});

Deno.test("drain() closes a connection at the end of an answer that was being streamed", async () => {
  const release = Promise.withResolvers<void>();
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      await release.promise;
      controller.enqueue(utf8("end"));
      controller.close();
    },
  }, { highWaterMark: 0 });
  await using fixture = new Fixture(() => Promise.resolve({ status: 200, headers: {}, body }));
  const client = await fixture.connect();
  await client.send(post(""));
  await client.receive((said) => said.includes("\r\n\r\n"));
  const draining = fixture.server.drain();
  release.resolve();
  assert.match(await client.receive(), /\r\n3\r\nend\r\n0\r\n\r\n$/);
  await settled(draining, "the drain");
});

Deno.test("drain() does not wait for a client that never ends its head, but for one that sends its body slowly", async () => {
  using logs = new CapturedLogs();
  await using fixture = new Fixture(echo);
  const [stalled, slow] = [await fixture.connect(), await fixture.connect()];
  await stalled.send(`POST / HTTP/1.1\r\n${HOST}`);
  await slow.send(post("slow").slice(0, -1));
  await new Promise((resolve) => setTimeout(resolve, 20));
  const draining = fixture.server.drain();
  assert.equal(await stalled.receive(), "");
  assert.match(logs.lines.join("\n"), /Closed connections whose clients did not send a whole head before the end: 1$/);
  await slow.send("w");
  assert.equal((await slow.answer()).body, "slow");
  await settled(draining, "the drain");
});

Deno.test("drain() answers received requests, closes idle connections, and then resolves", async () => {
  const release = Promise.withResolvers<void>();
  await using fixture = new Fixture(async (request) => {
    const body = await request.body(10);
    await release.promise;
    return { status: 200, headers: {}, body };
  });
  const [idle, executing, sending] = [await fixture.connect(), await fixture.connect(), await fixture.connect()];
  await executing.send(post("one"));
  await sending.send(post("two").slice(0, 10));
  await new Promise((resolve) => setTimeout(resolve, 20));
  let drained = false;
  const draining = fixture.server.drain().then(() => drained = true);
  assert.equal(await idle.receive(), "");
  await sending.send(post("two").slice(10));
  assert.equal(drained, false);
  release.resolve();
  for (const [client, body] of [[executing, "one"], [sending, "two"]] as const) {
    const answer = await client.answer();
    assert.equal(answer.body, body);
    assert.match(answer.head, /connection: close$/);
  }
  await settled(draining, "the drain");
});
