import assert from "node:assert/strict";
import { toAnswer, toRequest, toResponse } from "../../../src/http/fetch_types.ts";
import type { Incoming } from "../../../src/http/h1/mod.ts";
import { parseHead } from "../../../src/http/h1/head.ts";
import { equalBytes, pattern, utf8 } from "../helper/bytes.ts";

const requestOf = (text: string) => toRequest({ head: parseHead(text) } as Incoming);

Deno.test("toRequest() copies the method and all headers, and uses a URL that does not depend on the request", () => {
  const one = requestOf("PUT /a?b HTTP/1.1\r\nHost: h:1\r\nA: 1\r\nA: 2\r\nB: \xe9\r\n\r\n");
  assert.deepEqual([one.headers.get("a"), one.headers.get("b"), one.headers.get("host")], ["1, 2", "\xe9", "h:1"]);
  assert.equal(one.method, "PUT");
  assert.equal(one.url, requestOf("OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n").url);
});

Deno.test("toRequest() replaces a method that Fetch would change or forbid by one that no route has", () => {
  for (const method of ["TRACE", "TRACK", "trace", "post", "Get", "BREW"]) {
    assert.equal(requestOf(`${method} / HTTP/1.1\r\nHost: h\r\n\r\n`).method, "OTHER");
  }
});

Deno.test("toAnswer() returns the original body of a response from toResponse() with added headers, without reading the response", async () => {
  for (const body of [utf8("small"), pattern(100_000), new ReadableStream<Uint8Array<ArrayBuffer>>()]) {
    const response = toResponse({ status: 201, headers: { a: "1" }, body });
    response.headers.set("b", "2");
    const answer = await toAnswer(response);
    assert.deepEqual([answer.status, answer.headers["a"], answer.headers["b"]], [201, "1", "2"]);
    assert.equal(answer.body, body);
  }
});

Deno.test("toAnswer() reads a response that did not come from toResponse()", async () => {
  const { status, headers, body } = await toAnswer(Response.json({ a: 1 }, { status: 404 }));
  assert.deepEqual([status, headers], [404, { "content-type": "application/json" }]);
  assert.deepEqual(body, utf8('{"a":1}'));
});

Deno.test("toResponse() creates a readable response from a small and from a large body", async () => {
  for (const body of [utf8("small"), pattern(100_000)]) {
    assert.ok(equalBytes(await toResponse({ status: 200, headers: {}, body }).bytes(), body));
  }
});
