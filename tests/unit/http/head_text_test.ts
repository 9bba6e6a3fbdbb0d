import assert from "node:assert/strict";
import { parseHead } from "../../../src/http/h1/head.ts";
import { headText } from "../../../src/http/head_text.ts";
import { text } from "../helper/bytes.ts";

const head = () =>
  parseHead(
    "POST http://a/invocations?a=1&b HTTP/1.1\r\nHost: a\r\nX-Tenant:  t \r\nAuthorization: Bearer secret\r\nX-Tenant: u\r\n" +
      "X-Latin: gr\xfcn\r\nEmpty:\r\n\r\n",
  );

Deno.test("headText() returns method, target and headers, one on each line", () => {
  assert.equal(
    text(headText(head(), false)),
    "POST /invocations?a=1&b\nhost:a\nx-tenant:t\nauthorization:Bearer secret\nx-tenant:u\nx-latin:gr\xfcn\nempty:",
  );
});

Deno.test("headText() omits the server's token", () => {
  assert.doesNotMatch(text(headText(head(), true)), /secret|authorization/);
});

Deno.test("headText() creates the text of a head only once", () => {
  const kept = head();
  assert.equal(headText(kept, false), headText(kept, false));
});
