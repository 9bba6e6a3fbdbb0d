import assert from "node:assert/strict";
import fc from "fast-check";
import { latin1 } from "../../../../src/bytes.ts";
import {
  checkBeginning,
  findHeadEnd,
  MAX_FIELDS,
  MAX_METHOD,
  MAX_TARGET,
  parseHead,
} from "../../../../src/http/h1/head.ts";
import { utf8 } from "../../helper/bytes.ts";

const POST = "POST /a HTTP/1.1\r\nHost: h\r\n";
const head = (lines: string) => parseHead(`${POST}${lines}\r\n`);

Deno.test("parseHead() returns method, target, host and fields unchanged, with field names in lower case", () => {
  const found = parseHead("PUT /a%20b?c=/d HTTP/1.1\r\nHOST: h:80\r\nX-One:1\r\nx-two: \t a  b \t\r\nX-Three:\r\n\r\n");
  assert.deepEqual(found, {
    method: "PUT",
    target: "/a%20b?c=/d",
    path: "/a%20b",
    host: "h:80",
    fields: ["host", "h:80", "x-one", "1", "x-two", "a  b", "x-three", ""],
    length: 0,
    old: false,
    keepAlive: true,
    expectsContinue: false,
  });
});

Deno.test("parseHead() returns the path before the query without decoding it", () => {
  for (
    const [target, path] of [
      ["/", "/"],
      ["/a?b?c", "/a"],
      ["/?", "/"],
      ["/%6detrics", "/%6detrics"],
      ["//metrics", "//metrics"],
      ["/metrics/", "/metrics/"],
      ["/a;b/...", "/a;b/..."],
      ["/.a/b./..c", "/.a/b./..c"],
      ["/a?../b", "/a"],
      ["http://h", "/"],
      ["http://h/a?b", "/a"],
    ]
  ) assert.equal(parseHead(`GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`).path, path);
  assert.equal(parseHead("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n").path, "*");
});

Deno.test("parseHead() returns the method unchanged", () => {
  for (const method of ["post", "Get", "BREW", "M-SEARCH", "x".repeat(MAX_METHOD)]) {
    assert.equal(parseHead(`${method} / HTTP/1.1\r\nHost: h\r\n\r\n`).method, method);
  }
});

for (const dots of [".", "..", "%2e", "%2E.", ".%2e", "%2E%2e"]) {
  for (const path of [`/${dots}`, `/${dots}/a`, `/a/${dots}`, `/a/${dots}/b`, `/a%2f${dots}%2Fb`, `/a%5C${dots}%5cb`]) {
    Deno.test(`parseHead() throws 400 when the path is ${path}`, () => {
      for (const target of [path, `${path}?c`, `http://h${path}`]) {
        assert.throws(() => parseHead(`GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`), { status: 400, message: /'\.\.'/ });
      }
    });
  }
}

Deno.test("parseHead() quotes only the beginning of the received text in an error", () => {
  assert.throws(
    () => parseHead(`GET /../${"a".repeat(10_000)} HTTP/1.1\r\nHost: h\r\n\r\n`),
    ({ message }: Error) => message.length < 400,
  );
});

Deno.test("parseHead() takes path and host from an absolute URL, and ignores the Host header", () => {
  for (
    const [said, target] of [["http://other:1/x?y", "/x?y"], ["HTTPS://other:1", "/"], ["http://other:1?y", "/?y"]]
  ) {
    const found = parseHead(`GET ${said} HTTP/1.1\r\nHost: h\r\n\r\n`);
    assert.deepEqual([found.host, found.target], ["other:1", target]);
  }
});

Deno.test("parseHead() determines how the body ends", () => {
  assert.equal(head("").length, 0);
  assert.equal(head("Content-Length: 0012\r\n").length, 12);
  assert.equal(head("Transfer-Encoding: Chunked\r\n").length, undefined);
});

Deno.test("parseHead() determines whether another request may follow on the connection", () => {
  const old = (lines: string) => parseHead(`GET / HTTP/1.0\r\n${lines}\r\n`);
  assert.equal(head("").keepAlive, true);
  assert.equal(head("Connection: Close\r\n").keepAlive, false);
  assert.equal(head("Connection: a\r\nConnection: b , close\r\n").keepAlive, false);
  assert.equal(head("Connection: close-not\r\n").keepAlive, true);
  assert.deepEqual([old("").keepAlive, old("").old], [false, true]);
  assert.equal(old("Connection: Keep-Alive\r\n").keepAlive, true);
  assert.equal(old("Connection: keep-alive, close\r\n").keepAlive, false);
});

Deno.test("parseHead() determines whether the client waits for 100 Continue", () => {
  assert.equal(head("Expect: 100-Continue\r\n").expectsContinue, true);
  assert.equal(parseHead("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").expectsContinue, false);
});

const long = "a".repeat(MAX_TARGET);

for (
  const [what, text, status] of [
    ["an empty line alone", "\r\n", 400],
    ["no version", "GET /\r\n\r\n", 400],
    ["another version", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505],
    ["two spaces", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400],
    ["a control character in the target", "GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n", 400],
    ["a fragment", "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", 400],
    ["a target that is no path", "GET a HTTP/1.1\r\nHost: h\r\n\r\n", 400],
    ["a URL without a host", "GET http:///a HTTP/1.1\r\nHost: h\r\n\r\n", 400],
    ["a URL with a user", "GET http://a@b/ HTTP/1.1\r\nHost: h\r\n\r\n", 400],
    ["CONNECT", "CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", 501],
    ["a target that is too long", `GET /${long} HTTP/1.1\r\nHost: h\r\n\r\n`, 414],
    ["no host", "GET / HTTP/1.1\r\n\r\n", 400],
    ["two hosts", `${POST}Host: h\r\n\r\n`, 400],
    ["a host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400],
    ["a field without a colon", `${POST}A\r\n\r\n`, 400],
    ["a field without a name", `${POST}: a\r\n\r\n`, 400],
    ["a space before the colon", `${POST}A : b\r\n\r\n`, 400],
    ["a folded line", `${POST}A: b\r\n c\r\n\r\n`, 400],
    ["CR within a value", `${POST}A: b\rc\r\n\r\n`, 400],
    ["NUL within a value", `${POST}A: \0\r\n\r\n`, 400],
    ["too many fields", `${POST}${"A: b\r\n".repeat(MAX_FIELDS)}\r\n`, 431],
    ["two lengths", `${POST}Content-Length: 1\r\nContent-Length: 1\r\n\r\n`, 400],
    ["a list of lengths", `${POST}Content-Length: 1, 1\r\n\r\n`, 400],
    ["a length with a sign", `${POST}Content-Length: +1\r\n\r\n`, 400],
    ["an empty length", `${POST}Content-Length:\r\n\r\n`, 400],
    ["a length over 2^53", `${POST}Content-Length: 9007199254740993\r\n\r\n`, 400],
    ["a length and chunks", `${POST}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`, 400],
    ["chunks and a length", `${POST}Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n`, 400],
    ["chunks twice", `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`, 400],
    ["chunks in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400],
    ["another coding, then chunks", `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n`, 501],
    [
      "another coding, then chunks, in two lines",
      `${POST}Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n`,
      501,
    ],
    ["chunks, then another coding", `${POST}Transfer-Encoding: chunked, gzip\r\n\r\n`, 400],
    ["another coding alone", `${POST}Transfer-Encoding: gzip\r\n\r\n`, 400],
    ["an encoding without a name", `${POST}Transfer-Encoding: , chunked\r\n\r\n`, 400],
    ["chunks with a parameter", `${POST}Transfer-Encoding: chunked;q=1\r\n\r\n`, 400],
    ["an empty encoding", `${POST}Transfer-Encoding:\r\n\r\n`, 400],
    ["a line that ends with LF alone", "GET / HTTP/1.1\nHost: h\r\n\r\n", 400],
    ["a field that ends with LF alone", `${POST}A: b\n\r\n`, 400],
    ["an end that is LF alone", `${POST}A: b\r\n\n`, 400],
    ["a backslash in the path", "GET /a\\..\\b HTTP/1.1\r\nHost: h\r\n\r\n", 400],
    ["a backslash in the query", "GET /a?\\ HTTP/1.1\r\nHost: h\r\n\r\n", 400],
    ["a backslash in a URL", "GET http:\\\\h\\a HTTP/1.1\r\nHost: h\r\n\r\n", 400],
    ["a port over 65535", "GET / HTTP/1.1\r\nHost: h:65536\r\n\r\n", 400],
    ["a port over 65535 in a URL", "GET http://h:99999/ HTTP/1.1\r\nHost: h\r\n\r\n", 400],
    ["CONNECT with a path", "CONNECT / HTTP/1.1\r\nHost: h\r\n\r\n", 501],
    ["a method that is too long", `${"A".repeat(MAX_METHOD + 1)} / HTTP/1.1\r\nHost: h\r\n\r\n`, 501],
    ["* with another method", "GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400],
    ["another expectation", `${POST}Expect: a\r\n\r\n`, 417],
  ] as const
) {
  Deno.test(`parseHead() throws ${status} when there is ${what}`, () => {
    assert.throws(() => parseHead(text), { name: "HttpError", status });
  });
}

Deno.test("parseHead() returns a Head or throws a problem for any text", () => {
  const words = [
    "GET",
    " ",
    "/",
    " HTTP/1.1",
    "\r\n",
    "\n",
    "Host: h",
    "Content-Length: 1",
    ":",
    "a",
    "\t",
    "\0",
    "\xff",
  ];
  const any = fc.array(fc.oneof(fc.constantFrom(...words), fc.string()), { maxLength: 20 }).map((all) => all.join(""));
  fc.assert(fc.property(any, (text) => {
    try {
      const { target } = parseHead(`${text}\r\n\r\n`);
      assert.ok(target.startsWith("/") || target === "*");
    } catch (error) {
      assert.equal((error as Error).name, "HttpError");
    }
  }));
});

Deno.test("parseHead() reads each byte of a value once, however many spaces it contains", () => {
  // It would take minutes otherwise.
  const spaces = " \t".repeat(500_000);
  assert.throws(() => parseHead(`${POST}A:${spaces}\x01\r\n\r\n`), { status: 400 });
  assert.deepEqual(parseHead(`${POST}A:${spaces}b${spaces}\r\n\r\n`).fields.slice(2), ["a", "b"]);
});

Deno.test("findHeadEnd() finds the first empty line wherever the input is split", () => {
  for (
    const [text, at] of [["a\r\n\r\nb\r\n\r\n", 5], ["a\n\nb", 3], ["a\r\n\n", 4], ["a\n\r\n", 4], ["a\r\n", 0], [
      "",
      0,
    ]]
  ) {
    const bytes = utf8(text as string);
    assert.equal(findHeadEnd(bytes, 0, bytes.length), at);
    for (let end = 0; end < (at as number); end++) assert.equal(findHeadEnd(bytes, 0, end), 0);
  }
});

Deno.test("checkBeginning() recognizes by the first bytes whether the input is HTTP", () => {
  for (
    const text of ["", "\r", "G", "GET", "GET ", "GET /", "GET / HTTP/1.1\r", "GET / HTTP/1.1\r\nHo", "G".repeat(64)]
  ) {
    checkBeginning(text);
  }
  for (const text of ["\x16\x03", " ", "\n", "GET /\r\n", "GET / HTTP/1.1\nA", "SSH-2.0-x\r\n", "GET /\x01", "\rG"]) {
    assert.throws(() => checkBeginning(text), { status: 400 });
  }
  assert.throws(() => checkBeginning("a".repeat(65)), { status: 501 });
});

Deno.test("latin1() returns one character for each byte", () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  assert.deepEqual(Array.from(latin1(bytes), (c) => c.charCodeAt(0)), [...bytes]);
  assert.equal(latin1(utf8("ASCII")), "ASCII");
});
