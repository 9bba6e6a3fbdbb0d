import assert from "node:assert/strict";
import fc from "fast-check";
import { SocketLine } from "../../../src/bench/socket_line.ts";
import type { Answer } from "../../../src/client/answer_parser.ts";
import { ConnectionFailure } from "../../../src/client/connection_failure.ts";

const REQUEST = new TextEncoder().encode("POST / HTTP/1.1\r\n\r\n");
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const CHUNKED =
  "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\na;x\r\n0123456789\r\n0\r\nA: b\r\n\r\n";
const INTERIM = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
const TEN = "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\ncontent-length: 1\r\n\r\nx";

/** A socket whose other end does what a test says, and what happened to it. */
class FakeSocket {
  readonly did: string[] = [];
  /** The number of bytes that each write accepts, or its error. Later writes accept all bytes. */
  takes: (number | Error)[] = [];
  sent = 0;
  #arrived: (string | Error)[] = [];
  #isEnded = false;
  #listener: (() => void) | undefined;

  constructor(readonly name = "", readonly log: string[] = []) {}

  read(buffer: Uint8Array): number {
    const next = this.#arrived.shift();
    if (next === undefined) return this.#isEnded ? 0 : -1;
    if (next instanceof Error) throw next;
    this.log.push(`${this.name} reads`);
    const { read, written } = new TextEncoder().encodeInto(next, buffer);
    if (read < next.length) this.#arrived.unshift(next.slice(read));
    return written;
  }

  write(bytes: Uint8Array): number {
    const taken = this.takes.shift() ?? bytes.length;
    if (taken instanceof Error) throw taken;
    this.log.push(`${this.name} writes`);
    this.sent += Math.max(0, taken);
    return taken;
  }

  listen(listener: (() => void) | undefined): void {
    this.#listener = listener;
  }

  postpone(): void {
    this.did.push("postponed");
  }

  close(): void {
    this.did.push("closed");
  }

  get isWaiting(): boolean {
    return this.#listener !== undefined;
  }

  /** Bytes arrive, each text with its own read, and an event tells of them. */
  receive(...arrived: (string | Error)[]): void {
    this.#arrived.push(...arrived);
    this.#listener?.();
  }

  end(): void {
    this.#isEnded = true;
    this.#listener?.();
  }
}

/** Runs a line until it has `count` answers. */
function start(socket: FakeSocket, count = Infinity) {
  const answers: Answer[] = [];
  const line = new SocketLine(socket, REQUEST);
  const done = line.run((answer) => answers.push(answer) < count);
  return { answers, line, done };
}

const shown = ({ status, bytes, canReuse }: Answer) => [status, bytes, canReuse];

Deno.test("SocketLine reads answers of all framings in whatever pieces they arrive, and sends a request after each", async () => {
  const texts = [OK, CHUNKED, INTERIM, TEN, OK];
  const expected = [[200, OK], [201, CHUNKED], [204, INTERIM], [200, TEN], [200, OK]] as const;
  const sizes = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 6 });
  await fc.assert(fc.asyncProperty(sizes, fc.boolean(), async (sizes, areApart) => {
    const socket = new FakeSocket();
    const { answers, line, done } = start(socket, texts.length);
    for (const [index, text] of texts.entries()) {
      assert.equal(socket.sent, (index + 1) * REQUEST.length);
      const pieces: string[] = [];
      for (let at = 0, turn = 0; at < text.length; turn++) {
        const size = sizes[turn % sizes.length]!;
        pieces.push(text.slice(at, at + size));
        at += size;
      }
      if (areApart) { for (const piece of pieces) socket.receive(piece); }
      else socket.receive(...pieces.slice(0, 8), ...pieces.length > 8 ? [pieces.slice(8).join("")] : []);
    }
    assert.equal(await done, true);
    assert.deepEqual(answers.map(shown), expected.map(([status, { length }]) => [status, length, true]));
    assert.deepEqual([line.isReusable, socket.isWaiting, socket.did], [true, false, []]);
  }));
});

Deno.test("SocketLine sends the next request of a connection before another connection is read", () => {
  const log: string[] = [];
  const [a, b] = [new FakeSocket("a", log), new FakeSocket("b", log)];
  start(a);
  start(b);
  a.receive(OK);
  b.receive(OK);
  assert.deepEqual(log, ["a writes", "b writes", "a reads", "a writes", "b reads", "b writes"]);
});

Deno.test("SocketLine sends the rest of a request when the kernel takes more", async () => {
  const socket = new FakeSocket();
  socket.takes = [3, -1, 4];
  const { answers, done } = start(socket, 1);
  socket.receive();
  socket.receive();
  assert.equal(socket.sent, 7);
  socket.receive();
  assert.equal(socket.sent, REQUEST.length);
  socket.receive(OK);
  assert.equal(await done, true);
  assert.deepEqual(answers.map(shown), [[200, OK.length, true]]);
});

Deno.test("SocketLine gives up a connection whose server answers before it has the whole request", async () => {
  const socket = new FakeSocket();
  socket.takes = [3, -1];
  const { answers, line, done } = start(socket);
  socket.receive(OK);
  assert.deepEqual([await done, line.isReusable, answers.length], [false, false, 1]);
});

Deno.test("SocketLine reads the answer of a server that refuses the rest of a request", async () => {
  const socket = new FakeSocket();
  socket.takes = [3, new Deno.errors.BrokenPipe()];
  const { answers, done } = start(socket);
  socket.receive();
  socket.receive("HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  assert.equal(await done, false);
  assert.deepEqual(answers.map(({ status }) => status), [413]);
});

Deno.test("SocketLine gives up a connection on which more arrives than the answer to its request", async () => {
  for (const surplus of [OK, "\r\n", "HTTP/1.1 408 Request Timeout\r\n\r\n"]) {
    const socket = new FakeSocket();
    const { answers, line, done } = start(socket);
    socket.receive(OK + surplus);
    assert.deepEqual([await done, line.isReusable], [false, false]);
    assert.deepEqual(answers.map(shown), [[200, OK.length, false]]);
    assert.equal(socket.sent, REQUEST.length);
  }
});

Deno.test("SocketLine leaves the request to another connection when the server closes this one between two requests", async () => {
  for (const end of [(socket: FakeSocket) => socket.end(), (socket: FakeSocket) => socket.receive(reset())]) {
    const socket = new FakeSocket();
    const { answers, line, done } = start(socket);
    socket.receive(OK);
    end(socket);
    assert.deepEqual([await done, line.isReusable, answers.length, socket.isWaiting], [false, false, 1, false]);
  }
});

Deno.test("SocketLine reads to the end of the connection if the answer has no length", async () => {
  const text = `HTTP/1.1 200 OK\r\n\r\n${"x".repeat(100_000)}`;
  const socket = new FakeSocket();
  const { answers, done } = start(socket);
  socket.receive(text);
  assert.equal(answers.length, 0);
  socket.end();
  assert.equal(await done, false);
  assert.deepEqual(answers.map(shown), [[200, text.length, false]]);
});

for (
  const [what, act, message] of [
    [
      "closes the connection before the first answer",
      (s) => s.end(),
      "the server closed the connection without an answer",
    ],
    ["closes it within a later answer", (s) => {
      s.receive(OK, "HTTP/1.1 200");
      s.end();
    }, "the server closed the connection within a response"],
    ["resets it within an answer", (s) => s.receive(OK, "HTTP/", reset()), "the server reset the connection"],
    [
      "sends something else",
      (s) => s.receive("220 mail.example.org ESMTP\r\n\r\n"),
      "the server does not speak HTTP/1.1",
    ],
  ] as readonly [string, (socket: FakeSocket) => void, string][]
) {
  Deno.test(`SocketLine fails with the reason when the server ${what}`, async () => {
    const socket = new FakeSocket();
    const { line, done } = start(socket);
    act(socket);
    await assert.rejects(done, (error) => error instanceof ConnectionFailure && error.message === message);
    assert.deepEqual([line.isReusable, socket.isWaiting], [false, false]);
  });
}

Deno.test("SocketLine lets other connections have their turn while an answer arrives without a pause", () => {
  const socket = new FakeSocket();
  start(socket);
  const endless = "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n";
  socket.receive(endless, ...Array<string>(40).fill("x".repeat(1000)));
  assert.deepEqual(socket.did, ["postponed"]);
});

function reset(): Error {
  return new Deno.errors.ConnectionReset("Connection reset by peer (os error 104)");
}
