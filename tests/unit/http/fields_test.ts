import assert from "node:assert/strict";
import fc from "fast-check";
import { ask, type Fields, fieldsOf } from "../../../src/http/fields.ts";

/** Names that are looked at, as they may be written, and others. */
const NAMES = [
  ...[
    "Content-Type",
    "accept",
    "ACCEPT",
    "content-length",
    "content-encoding",
    "Transfer-Encoding",
    "x-request-id",
    "X-Request-ID",
  ],
  ...["traceparent", "X-Amzn-SageMaker-Custom-Attributes", "accept-encoding", "x-other", "content-type-x"],
];

Deno.test("fieldsOf() says the same as Headers.get()", () => {
  const field = fc.tuple(fc.constantFrom(...NAMES), fc.stringMatching(/^[\x21-\x7e]{0,12}$/));
  fc.assert(fc.property(fc.array(field, { maxLength: 12 }), (fields) => {
    const headers = new Headers(fields);
    assert.deepEqual(fieldsOf(headers), ask(headers));
  }));
});

Deno.test("fieldsOf() asks where the list of fields is not to be found", () => {
  const headers = { get: (name: string) => (name === "accept" ? "text/csv" : null) };
  assert.equal(fieldsOf(headers as Headers).accept, "text/csv");
});

Deno.test("fieldsOf() says the same as Headers.get() when a field came several times by HTTP", async () => {
  let found: Fields | undefined;
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, ({ headers }) => {
    found = fieldsOf(headers);
    assert.deepEqual(found, ask(headers));
    return new Response();
  });
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.addr.port });
  const fields = ["Host: a", "ACCEPT: text/csv", "Accept: \t application/json ", "X-Request-Id:", "Connection: close"];
  await connection.write(new TextEncoder().encode(`GET / HTTP/1.1\r\n${fields.join("\r\n")}\r\n\r\n`));
  assert.match(await new Response(connection.readable).text(), /^HTTP\/1.1 200 /);
  assert.deepEqual([found?.accept, found?.requestId, found?.traceparent], ["text/csv, application/json", "", null]);
});
