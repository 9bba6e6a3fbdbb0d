import assert from "node:assert/strict";
import fc from "fast-check";
import { AnswerReader } from "../../../src/client/answer_reader.ts";
import { ConnectionFailure } from "../../../src/client/connection_failure.ts";

/** A connection that returns these bytes in pieces of the given sizes, and then ends. */
function source(text: string, sizes: readonly number[] = [text.length]) {
  const bytes = Uint8Array.from(text, (char) => char.charCodeAt(0));
  let at = 0;
  let turn = 0;
  return {
    read(buffer: Uint8Array): Promise<number | null> {
      if (at === bytes.length) return Promise.resolve(null);
      const piece = bytes.subarray(at, at + Math.min(sizes[turn++ % sizes.length]!, buffer.length));
      buffer.set(piece);
      at += piece.length;
      return Promise.resolve(piece.length);
    },
  };
}

const LENGTH = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
const CHUNKED =
  "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n000a\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n";
const INTERIM =
  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
const CLOSING = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

Deno.test("AnswerReader reads responses of all framings one after another, wherever they are split", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 8 }), async (sizes) => {
      const reader = new AnswerReader(source(LENGTH + CHUNKED + INTERIM + LENGTH + CLOSING, sizes));
      for (
        const [status, text] of [
          [200, LENGTH],
          [201, CHUNKED],
          [204, INTERIM],
          [200, LENGTH],
          [503, CLOSING],
        ] as const
      ) {
        const answer = await reader.next();
        assert.deepEqual([answer.status, answer.bytes], [status, text.length]);
        assert.ok(text.includes(answer.head));
        assert.ok(answer.firstByteAt > 0 && answer.firstByteAt <= performance.now());
      }
    }),
  );
});

Deno.test("AnswerReader says whether the connection can carry another request: not after Connection: close, or more than an answer", async () => {
  const canReuse = async (text: string) => (await new AnswerReader(source(text)).next()).canReuse;
  for (const text of [LENGTH, CHUNKED, INTERIM]) assert.equal(await canReuse(text), true);
  for (const text of [CLOSING, LENGTH + LENGTH, `${CHUNKED}\r\n`]) assert.equal(await canReuse(text), false);
});

Deno.test("AnswerReader finds the fields of a head whatever their case, order and spaces are", async () => {
  for (
    const [fields, body, canReuse] of [
      ["CONTENT-LENGTH:5", "hello", true],
      ["A: b\r\ncontent-length: \t 5 \t", "hello", true],
      ["Content-Length: 5\r\nContent-Length: 7", "hello", true],
      ["Content-Length-Of-Thing: 9\r\nContent: 3\r\ncontent-length: 5", "hello", true],
      ["X-Content-Length: 9\r\nTransfer: chunked\r\nContent-Length: 5", "hello", true],
      ["Content-Length: 0", "", true],
      ["Connection: Keep-Alive, Close\r\nContent-Length: 1", "x", false],
      ["Connection: closed\r\nContent-Length: 1", "x", true],
      ["Transfer-Encoding: gzip, Chunked\r\nContent-Length: 3", "1\r\nx\r\n0\r\n\r\n", true],
      // Without a valid length, the body ends with the connection.
      ["Content-Length: 5x", "hello", false],
      ["Content-Length: 0x5", "hello", false],
      ["Content-Length: 1234567890123456", "hello", false],
      ["Content-Length:", "hello", false],
      ["Content\rLength: 1", "hello", false],
    ] as const
  ) {
    const text = `HTTP/1.1 200 OK\r\n${fields}\r\n\r\n${body}`;
    const answer = await new AnswerReader(source(text)).next();
    assert.deepEqual([answer.bytes, answer.canReuse], [text.length, canReuse], fields);
    assert.equal(answer.head, `HTTP/1.1 200 OK\r\n${fields}`);
  }
});

Deno.test("AnswerReader reads a body without a length until the connection ends, even if it is larger than the buffer", async () => {
  const text = `HTTP/1.1 200 OK\r\n\r\n${"x".repeat(200_000)}`;
  const answer = await new AnswerReader(source(text, [30_000])).next();
  assert.deepEqual([answer.bytes, answer.canReuse], [text.length, false]);
  const long = `HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n${"x".repeat(200_000)}`;
  const reader = new AnswerReader(source(long + LENGTH, [30_000]));
  assert.equal((await reader.next()).bytes, long.length);
  assert.equal((await reader.next()).bytes, LENGTH.length);
});

Deno.test("AnswerReader treats an HTTP/1.0 connection as closed unless the response keeps it alive", async () => {
  const ten = LENGTH.replace("1.1", "1.0");
  assert.equal((await new AnswerReader(source(ten)).next()).canReuse, false);
  assert.equal(
    (await new AnswerReader(source(ten.replace("\r\n", "\r\nConnection: keep-alive\r\n"))).next()).canReuse,
    true,
  );
});

for (
  const [what, text, message, beforeAnswer] of [
    ["nothing", "", "the server closed the connection without an answer", true],
    ["half a head", "HTTP/1.1 200 O", "the server closed the connection within a response", false],
    ["half a body", LENGTH.slice(0, -1), "the server closed the connection within a response", false],
    ["half a chunk", CHUNKED.slice(0, -20), "the server closed the connection within a response", false],
    ["another protocol", "SSH-2.0-OpenSSH_9.2\r\n\r\n", "the server does not speak HTTP/1.1", false],
    [
      "lines without CR",
      LENGTH.replaceAll("\r", ""),
      "the server ends lines with LF alone instead of CR LF, so it does not speak HTTP/1.1",
      false,
    ],
    ["a status of two digits", "HTTP/1.1 20 OK\r\n\r\n", "the server does not speak HTTP/1.1", false],
    [
      "an endless head",
      `HTTP/1.1 200 OK\r\n${"x: y\r\n".repeat(20_000)}`,
      "the head of a response is longer than 64 KiB",
      false,
    ],
    ["a chunk without a length", CHUNKED.replace("3;x=y", "x"), "a chunk of a response has no length", false],
    [
      "an endless chunk line",
      CHUNKED.replace("3;x=y", `3;${"x".repeat(10_000)}`),
      "a chunk of a response has no length",
      false,
    ],
    [
      "a chunk that is longer than it says",
      CHUNKED.replace("abc", "abcd"),
      "a chunk of a response has the wrong length",
      false,
    ],
  ] as const
) {
  Deno.test(`AnswerReader fails with the reason when it reads ${what}`, async () => {
    await assert.rejects(new AnswerReader(source(text, [1000])).next(), (error) => {
      assert.ok(error instanceof ConnectionFailure);
      assert.deepEqual([error.message, error.beforeAnswer], [message, beforeAnswer]);
      return true;
    });
  });
}

Deno.test("AnswerReader reports a connection reset without an error number", async () => {
  const reset = () => Promise.reject(new Deno.errors.ConnectionReset("Connection reset by peer (os error 104)"));
  await assert.rejects(new AnswerReader({ read: reset }).next(), { message: "the server reset the connection" });
  const odd = () => Promise.reject(new Error("No route to host (os error 113)"));
  await assert.rejects(new AnswerReader({ read: odd }).next(), { message: "No route to host" });
});
