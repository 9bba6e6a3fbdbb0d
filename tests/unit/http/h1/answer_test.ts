import assert from "node:assert/strict";
import { dateOf, headOf, isHeaderValue, writeLatin1 } from "../../../../src/http/h1/answer.ts";

const answer = (headers: Record<string, string>, status = 200) => ({ status, headers, body: new Uint8Array(0) });

Deno.test("headOf() writes how the body ends and whether the connection stays open", () => {
  const said = (...[framing, connection]: [Parameters<typeof headOf>[1], Parameters<typeof headOf>[2]]) =>
    headOf(answer({ a: "b" }), framing, connection, "now");
  assert.equal(
    said({ kind: "length", length: 3 }, ""),
    "HTTP/1.1 200 OK\r\na: b\r\ncontent-length: 3\r\ndate: now\r\n\r\n",
  );
  assert.equal(
    said({ kind: "chunks" }, "close"),
    "HTTP/1.1 200 OK\r\na: b\r\ntransfer-encoding: chunked\r\ndate: now\r\nconnection: close\r\n\r\n",
  );
  assert.equal(
    said({ kind: "none" }, "keep-alive"),
    "HTTP/1.1 200 OK\r\na: b\r\ndate: now\r\nconnection: keep-alive\r\n\r\n",
  );
});

Deno.test("headOf() writes the phrase of a known status, and none for an unknown one", () => {
  const first = (status: number) => headOf(answer({}, status), { kind: "none" }, "", "").split("\r\n")[0];
  assert.equal(first(503), "HTTP/1.1 503 Service Unavailable");
  assert.equal(first(299), "HTTP/1.1 299 ");
});

Deno.test("headOf() refuses a value that would start another header", () => {
  for (const value of ["a\r\nb: c", "a\nb", "\0", "€"]) {
    assert.equal(isHeaderValue(value), false);
    assert.throws(() => headOf(answer({ a: value }), { kind: "none" }, "", ""), { name: "TypeError" });
  }
});

Deno.test("writeLatin1() writes one byte for each character", () => {
  for (const text of ["ASCII", "\xe9 and \xff", "\xff".repeat(9)]) {
    const bytes = new Uint8Array(10);
    assert.equal(writeLatin1(text, bytes, 1), 1 + text.length);
    assert.deepEqual([...bytes.subarray(1, 1 + text.length)], Array.from(text, (c) => c.charCodeAt(0)));
  }
});

Deno.test("dateOf() formats the date as HTTP does, and updates it every second", () => {
  assert.equal(dateOf(784_111_777_000), "Sun, 06 Nov 1994 08:49:37 GMT");
  assert.equal(dateOf(784_111_778_999), "Sun, 06 Nov 1994 08:49:38 GMT");
});
