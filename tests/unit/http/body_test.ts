import assert from "node:assert/strict";
import { readBody } from "../../../src/http/body.ts";
import { concat, pattern, utf8 } from "../helper/bytes.ts";

/** A request whose body arrives in these chunks; an error among them ends it. */
function request(chunks: readonly (Uint8Array<ArrayBuffer> | Error)[], headers: HeadersInit = {}) {
  const left = [...chunks];
  const state = { pulled: 0, cancelled: false };
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      const chunk = left.shift();
      state.pulled++;
      if (chunk === undefined) controller.close();
      else if (chunk instanceof Error) controller.error(chunk);
      else controller.enqueue(chunk);
    },
    cancel: () => void (state.cancelled = true),
  }, { highWaterMark: 0 });
  return { state, request: new Request("http://localhost/", { method: "POST", body, headers }) };
}

Deno.test("readBody() returns all bytes of a chunked body without a declared length", async () => {
  const chunks = [utf8("one"), new Uint8Array(0), pattern(1000), utf8("end")];
  assert.deepEqual(await readBody(request(chunks).request, 2000), concat(...chunks));
});

Deno.test("readBody() returns no bytes when there is no body", async () => {
  assert.deepEqual(await readBody(new Request("http://localhost/", { method: "POST" }), 10), new Uint8Array(0));
  assert.deepEqual(await readBody(request([]).request, 10), new Uint8Array(0));
});

Deno.test("readBody() returns all bytes of a body with a declared length", async () => {
  const { request: source } = request([utf8("ab"), utf8("cd")], { "content-length": "4" });
  assert.deepEqual(await readBody(source, 4), utf8("abcd"));
});

Deno.test("readBody() accepts a body of undeclared length that is as long as the limit", async () => {
  assert.equal((await readBody(request([pattern(6), pattern(4)]).request, 10)).length, 10);
});

const tooLarge = {
  name: "HttpProblem",
  status: 413,
  message: "The body is larger than the limit of 10 bytes (--max-body)",
};

Deno.test("readBody() throws 413 and cancels the stream as soon as the body exceeds the limit", async () => {
  const { request: source, state } = request([pattern(6), pattern(5), pattern(1), pattern(1)]);
  await assert.rejects(readBody(source, 10), tooLarge);
  assert.equal(state.pulled, 2);
  assert.equal(state.cancelled, true);
});

for (const headers of [{}, { "content-length": "10" }]) {
  const how = "content-length" in headers ? "with a declared length" : "in chunks";
  Deno.test(`readBody() throws 400 when the client disconnects within a body ${how}`, async () => {
    const { request: source } = request([pattern(3), new Error("connection closed")], headers);
    await assert.rejects(readBody(source, 10), {
      name: "HttpProblem",
      status: 400,
      message: "The body ended early: connection closed",
    });
  });
}
