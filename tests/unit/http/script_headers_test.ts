import assert from "node:assert/strict";
import { headOf } from "../../../src/http/h1/answer.ts";
import { headersOfScript } from "../../../src/http/script_headers.ts";
import { CapturedLogs } from "../helper/logs.ts";

const of = (given: unknown) => headersOfScript(given, "TooBusy");

Deno.test("headersOfScript() returns headers by lower-case name, and joins those of the same name", () => {
  assert.deepEqual(
    of([["Retry-After", "3"], ["X-Reason", " quota "], ["WWW-Authenticate", "Basic"], [
      "www-authenticate",
      "Bearer",
    ]]),
    { "retry-after": "3", "x-reason": "quota", "www-authenticate": "Basic, Bearer" },
  );
  assert.deepEqual(of([["x-german", "gr\u00fcn"]]), { "x-german": "gr\u00fcn" });
});

for (const given of [undefined, null, "retry-after: 3", { "retry-after": "3" }, 3, [3], [[]], [[3, "x"]], [["x"]]]) {
  Deno.test(`headersOfScript() returns no header for ${JSON.stringify(given)}`, () => {
    assert.deepEqual(of(given), {});
  });
}

for (
  const [name, value] of [
    ["x", "a\r\nset-cookie: b"],
    ["x", "a\nb"],
    ["x", "a\rb"],
    ["x", "a\0b"],
    ["x", "a\x7fb"],
    ["x", "a\u2028b"],
    ["x", "\u010a"],
    ["x", "\u{1f600}"],
    ["x", "\ud800"],
    ["x", ""],
    ["x", " \t "],
    ["x", "v".repeat(1025)],
    ["x".repeat(65), "v"],
    ["", "v"],
    ["x y", "v"],
    ["x:", "v"],
    ["x\r\ny", "v"],
    ["x\u010a", "v"],
    ["\u212a", "v"],
    ["x", null],
    ["x", 3],
    ...[
      "Connection",
      "Keep-Alive",
      "Proxy-Authenticate",
      "Proxy-Connection",
      "TE",
      "Upgrade",
      "Date",
      "Server",
      "Set-Cookie",
      "Strict-Transport-Security",
      "Access-Control-Allow-Origin",
      "X-Request-Id",
      "X-Content-Type-Options",
      "X-Amzn-SageMaker-Custom-Attributes",
    ].map((name) => [name, "v"] as const),
  ] as const
) {
  Deno.test(`headersOfScript() drops ${JSON.stringify([name, value]).slice(0, 60)} and reports that`, () => {
    using logs = new CapturedLogs();
    assert.deepEqual(of([[name, value], ["good", "1"]]), { good: "1" });
    assert.equal(logs.lines.length, 1);
    assert.match(logs.lines[0]!, /^WARNING The header '.*' of the script's TooBusy is ignored: /s);
  });
}

Deno.test("headersOfScript() drops headers about body framing, which frameworks set for their own bodies", () => {
  using logs = new CapturedLogs();
  for (
    const name of [
      "Content-Length",
      "Transfer-Encoding",
      "Trailer",
      "Content-Type",
      "Content-Encoding",
      "CONTENT-RANGE",
    ]
  ) {
    assert.deepEqual(of([[name, "1"]]), {}, name);
  }
  assert.deepEqual(logs.lines, []);
});

Deno.test("headersOfScript() returns at most 16 headers, also with names such as those of Object's members", () => {
  assert.equal(Object.keys(of(Array.from({ length: 100 }, (_, i) => [`x-${i}`, "v"]))).length, 16);
  const headers = of([["constructor", "a"], ["__proto__", "b"], ["toString", "c"]]);
  assert.deepEqual(Object.entries(headers), [["constructor", "a"], ["__proto__", "b"], ["tostring", "c"]]);
  const head = headOf({ status: 429, headers: { ...headers }, body: new Uint8Array(0) }, { kind: "none" }, "", "now");
  assert.equal(
    head,
    "HTTP/1.1 429 Too Many Requests\r\nconstructor: a\r\n__proto__: b\r\ntostring: c\r\ndate: now\r\n\r\n",
  );
});
