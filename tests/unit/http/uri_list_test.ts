import assert from "node:assert/strict";
import { HttpProblem } from "../../../src/http/problem.ts";
import { fetchInput, isUriList, parseUriList, postOutput } from "../../../src/http/uri_list.ts";
import { text, utf8 } from "../helper/bytes.ts";
import { LocalServer, RawServer } from "../helper/http_server.ts";

for (
  const [contentType, expected] of [
    ["text/uri-list", true],
    ["TEXT/URI-List", true],
    ["text/uri-list; charset=utf-8", true],
    ["text/uri-list ;charset=utf-8", true],
    ["text/uri-lists", false],
    ["text/plain; text/uri-list", false],
    ["application/json", false],
  ] as const
) {
  Deno.test(`isUriList() is ${expected} when the content type is '${contentType}'`, () => {
    assert.equal(isUriList(contentType), expected);
  });
}

function pairOf(body: string, allowed: readonly string[] = ["in.example", "out.example"]): [string, string] {
  const { input, output } = parseUriList(utf8(body), allowed);
  return [input.href, output.href];
}

Deno.test("parseUriList() returns input and output from two lines", () => {
  const expected = ["http://in.example/a?b=c", "https://out.example/d"];
  for (
    const body of [
      "http://in.example/a?b=c\r\nhttps://out.example/d\r\n",
      "http://in.example/a?b=c\nhttps://out.example/d",
      "# comment\r\n\r\n  http://in.example/a?b=c  \r\n#http://no.example/\r\nhttps://out.example/d\r\n\r\n",
      "\uFEFFhttp://in.example/a?b=c\r\nhttps://out.example/d",
    ]
  ) {
    assert.deepEqual(pairOf(body), expected);
  }
});

for (
  const [count, body] of [
    [0, ""],
    [0, "# nothing\r\n"],
    [1, "http://in.example/"],
    [3, "http://in.example/\nhttp://out.example/\nhttp://out.example/"],
  ] as const
) {
  Deno.test(`parseUriList() throws 400 when the body holds ${count} URIs: ${JSON.stringify(body)}`, () => {
    assert.throws(() => pairOf(body), {
      status: 400,
      message: `A text/uri-list body must hold an input URI and an output URI, not ${count} URIs`,
    });
  });
}

for (
  const uri of ["file:///etc/passwd", "ftp://in.example/x", "data:text/plain,x", "/relative", "in.example", "http://"]
) {
  Deno.test(`parseUriList() throws 400 when a URI is '${uri}'`, () => {
    const problem = { status: 400, message: `'${uri}' is not an http or https URI` };
    assert.throws(() => pairOf(`${uri}\r\nhttp://out.example/`), problem);
    assert.throws(() => pairOf(`http://in.example/\r\n${uri}`), problem);
  });
}

Deno.test("parseUriList() throws 403 for any body when no host is allowed", () => {
  for (const body of ["http://in.example/\r\nhttp://out.example/", "nonsense"]) {
    assert.throws(() => pairOf(body, []), {
      status: 403,
      message: "Bodies of type text/uri-list are off; --allow-uri-list HOST,… names the hosts to allow",
    });
  }
});

for (
  const [allowed, uri, expected] of [
    ["a.example", "http://a.example/", true],
    ["a.example", "https://a.example:8443/", true],
    ["A.Example", "http://a.EXAMPLE/", true],
    ["a.example:8080", "http://a.example:8080/", true],
    ["a.example:8080", "http://a.example/", false],
    ["a.example:8080", "http://a.example:8081/", false],
    ["a.example:80", "http://a.example/", true],
    ["a.example:80", "http://a.example:80/", true],
    ["a.example:443", "https://a.example/", true],
    ["a.example:443", "http://a.example/", false],
    ["a.example:80", "https://a.example/", false],
    ["a.example", "http://b.a.example/", false],
    ["a.example", "http://a.example.evil/", false],
    ["a.example", "http://a.example@evil/", false],
    ["a.example", "http://evil/?a.example", false],
    ["127.0.0.1", "http://2130706433/", true],
    ["127.0.0.1", "http://localhost/", false],
    ["[::1]", "http://[::1]:99/", true],
    ["[::1]:99", "http://[0:0::1]:99/", true],
  ] as const
) {
  Deno.test(`parseUriList() ${expected ? "allows" : "refuses with 403"} '${uri}' when '${allowed}' is allowed`, () => {
    const other = "http://other.example/";
    for (const body of [`${uri}\r\n${other}`, `${other}\r\n${uri}`]) {
      const parse = () => pairOf(body, [allowed, "other.example"]);
      if (expected) assert.ok(parse().includes(new URL(uri).href));
      else {
        assert.throws(parse, {
          status: 403,
          message: `The host '${new URL(uri).host}' is not one that --allow-uri-list names`,
        });
      }
    }
  });
}

Deno.test("fetchInput() returns bytes and content type of the host's answer", async () => {
  await using server = new LocalServer((path) =>
    path === "/typed" ? new Response("1,2", { headers: { "content-type": "text/csv" } }) : new Response(utf8("raw"))
  );
  const typed = await fetchInput(server.url("/typed"), 100, {});
  assert.deepEqual([text(typed.body), typed.contentType], ["1,2", "text/csv"]);
  const raw = await fetchInput(server.url("/raw"), 3, {});
  assert.deepEqual([text(raw.body), raw.contentType], ["raw", "application/octet-stream"]);
  assert.deepEqual(server.requests.map(({ method }) => method), ["GET", "GET"]);
});

for (const status of [301, 302, 307, 308, 404, 500]) {
  Deno.test(`fetchInput() throws 502 without following a redirect when the host answers ${status}`, async () => {
    await using server = new LocalServer((path) =>
      path === "/secret"
        ? new Response("secret")
        : new Response("elsewhere", { status, headers: { location: "/secret" } })
    );
    await assert.rejects(fetchInput(server.url("/a"), 100, {}), {
      status: 502,
      message: `Could not fetch the input at '${server.url("/a")}': it answered ${status}`,
    });
    assert.deepEqual(server.requests.map(({ path }) => path), ["/a"]);
  });
}

Deno.test("fetchInput() throws the given error when no memory is left for the input", async () => {
  await using server = new LocalServer(() => new Response("x".repeat(1000)));
  let held = 0;
  const full = new HttpProblem(503, "full");
  const hold = (bytes: number) => {
    held += bytes;
    throw full;
  };
  await assert.rejects(fetchInput(server.url("/a"), 10_000, {}, hold), full);
  assert.equal(held, 1000);
});

Deno.test("fetchInput() throws 413 when the input exceeds the limit of a body", async () => {
  const chunked = () =>
    new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(new Uint8Array(60));
      },
    });
  await using server = new LocalServer((path) => new Response(path === "/declared" ? new Uint8Array(101) : chunked()));
  for (const path of ["/declared", "/endless"]) {
    await assert.rejects(fetchInput(server.url(path), 100, {}), { name: "HttpProblem", status: 413 });
  }
});

Deno.test("fetchInput() throws 413 when a small input exceeds the limit after decompression", async () => {
  const zeros = new Blob([new Uint8Array(1_000_000)]).stream().pipeThrough(new CompressionStream("gzip"));
  const compressed = await new Response(zeros).bytes();
  assert.ok(compressed.length < 10_000);
  await using server = new LocalServer(() => new Response(compressed, { headers: { "content-encoding": "gzip" } }));
  await assert.rejects(fetchInput(server.url("/"), 10_000, {}), { name: "HttpProblem", status: 413 });
  assert.equal((await fetchInput(server.url("/"), 1_000_000, {})).body.length, 1_000_000);
});

Deno.test("fetchInput() throws 502 when the connection is refused", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = new URL(`http://127.0.0.1:${listener.addr.port}/`);
  listener.close();
  await assert.rejects(fetchInput(url, 100, {}), (error: Error & { status?: number }) => {
    assert.equal(error.status, 502);
    assert.ok(error.message.startsWith(`Could not fetch the input at '${url}': `), error.message);
    return true;
  });
});

for (
  const [how, answer] of [
    ["its length says", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"],
    ["its last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nonly\r\n"],
  ] as const
) {
  Deno.test(`fetchInput() throws 502 when the input ends before ${how}`, async () => {
    await using server = new RawServer(answer);
    await assert.rejects(fetchInput(server.url("/"), 1000, {}), (error: Error & { status?: number }) => {
      assert.equal(error.status, 502);
      assert.match(error.message, /^Could not fetch the input at 'http:.*': The body ended early/);
      return true;
    });
  });
}

Deno.test("postOutput() posts the answer with its content type", async () => {
  await using server = new LocalServer(() => new Response("thanks", { status: 201 }));
  await postOutput(server.url("/out"), utf8("{}"), { "content-type": "application/json" });
  assert.deepEqual(server.requests, [{ method: "POST", path: "/out", type: "application/json", body: "{}" }]);
});

for (const status of [307, 400, 503]) {
  Deno.test(`postOutput() throws 502 without following a redirect when the host answers ${status}`, async () => {
    await using server = new LocalServer(() => new Response("no", { status, headers: { location: "/b" } }));
    await assert.rejects(postOutput(server.url("/a"), utf8("{}"), { "content-type": "application/json" }), {
      status: 502,
      message: `Could not post the output at '${server.url("/a")}': it answered ${status}`,
    });
    assert.deepEqual(server.requests.map(({ path }) => path), ["/a"]);
  });
}
