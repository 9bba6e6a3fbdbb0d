/** Requests with a `text/uri-list` body: inputs and outputs on other hosts. */

import assert from "node:assert/strict";
import { chunks } from "./support/bytes.ts";
import { test } from "./support/sandbox.ts";
import { DESCRIBE, FAILING } from "./support/scripts.ts";
import { problemOf } from "./support/server.ts";

/** A host for inputs and outputs. */
function uriHost(): AsyncDisposable & { readonly url: string; readonly host: string; readonly posted: string[] } {
  const posted: string[] = [];
  const answer = async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url);
    if (pathname === "/redirect") return Response.redirect(new URL("/in", request.url), 302);
    if (pathname === "/missing") return new Response("no", { status: 404 });
    if (pathname === "/large") return new Response(chunks(300_000, 10_000));
    if (request.method === "GET") return new Response("from the input", { headers: { "content-type": "text/x-in" } });
    posted.push(`${pathname} ${request.headers.get("content-type")} ${await request.text()}`);
    return new Response(null, { status: 201 });
  };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, answer);
  const host = `127.0.0.1:${server.addr.port}`;
  const url = `http://${host}`;
  return { url, host, posted, [Symbol.asyncDispose]: () => server.shutdown() };
}

const URI_LIST = { "content-type": "text/uri-list" };

test("serve answers 403 to a text/uri-list without fetching when none is allowed", async (box) => {
  await using host = uriHost();
  const server = await box.serve(DESCRIBE);
  for (const contentType of ["text/uri-list", "text/uri-list; charset=utf-8", "TEXT/URI-LIST"]) {
    const answer = await server.invoke(`${host.url}/in\r\n${host.url}/out\r\n`, { "content-type": contentType });
    assert.equal(answer.status, 403);
    assert.match(problemOf(answer).detail, /--allow-uri-list/);
  }
  assert.deepEqual(host.posted, []);
  await server.stop();
});

test("serve fetches the input and posts the output when --allow-uri-list names their host", async (box) => {
  await using host = uriHost();
  const server = await box.serve(DESCRIBE, { args: ["--port", "0", "--allow-uri-list", `example.com,${host.host}`] });
  for (const body of [`${host.url}/in\r\n${host.url}/out?x=1\r\n`, `# both\n${host.url}/in\n\n${host.url}/out\n`]) {
    const answer = await server.invoke(body, { ...URI_LIST, accept: "text/x-out" });
    assert.equal(answer.status, 200, answer.text);
    assert.match(answer.text, /\/out/);
    const posted = host.posted.pop() ?? "";
    assert.match(posted, /^\/out application\/json /);
    assert.deepEqual(JSON.parse(posted.split(" ").slice(2).join(" ")), {
      content_type: "text/x-in",
      accepted: "text/x-out",
      bytes: 14,
      type: "bytes",
    });
  }
  await server.stop();
});

test("serve refuses a text/uri-list when a host is not allowed, a URI is invalid, or the input redirects", async (box) => {
  await using host = uriHost();
  await using other = uriHost();
  const server = await box.serve(FAILING, {
    args: ["--port", "0", "--allow-uri-list", host.host, "--max-body", "100k"],
  });
  for (
    const [input, output, status] of [
      [`${other.url}/in`, `${host.url}/out`, 403],
      [`${host.url}/in`, `${other.url}/out`, 403],
      [`http://localhost:${new URL(host.url).port}/in`, `${host.url}/out`, 403],
      [`http://user@169.254.169.254/in`, `${host.url}/out`, 403],
      [`${host.url}@169.254.169.254/in`, `${host.url}/out`, 403],
      [`file:///etc/passwd`, `${host.url}/out`, 400],
      [`/etc/passwd`, `${host.url}/out`, 400],
      [`${host.url}/in`, "", 400],
      [`${host.url}/in`, `${host.url}/out\r\n${host.url}/out`, 400],
      [`${host.url}/redirect`, `${host.url}/out`, 502],
      [`${host.url}/missing`, `${host.url}/out`, 502],
      [`${host.url}/in`, `${host.url}/missing`, 502],
      [`${host.url}/large`, `${host.url}/out`, 413],
      ["http://127.0.0.1:1/in", `${host.url}/out`, 403],
    ] as const
  ) {
    const answer = await server.invoke(`${input}\r\n${output}\r\n`, URI_LIST);
    assert.equal(answer.status, status, `${input} ${output}: ${answer.text}`);
    problemOf(answer);
  }
  assert.deepEqual([...host.posted, ...other.posted], []);
  const refused = await server.invoke(`${host.url}/in\r\n${host.url}/out`, { ...URI_LIST, accept: "image/png" });
  assert.equal(refused.status, 406);
  assert.deepEqual(host.posted, []);
  await server.stop();
});

test("transfers of a text/uri-list use the proxy of HTTP_PROXY, except for hosts of NO_PROXY", async (box) => {
  await using proxy = uriHost();
  const server = await box.serve(DESCRIBE, {
    args: ["--port", "0", "--allow-uri-list", "in.invalid,out.invalid,direct.invalid"],
    env: { HTTP_PROXY: proxy.url, NO_PROXY: "direct.invalid" },
  });
  const answer = await server.invoke("http://in.invalid/in\r\nhttp://out.invalid/out\r\n", URI_LIST);
  assert.equal(answer.status, 200, answer.text);
  assert.match(proxy.posted.join("\n"), /^\/out application\/json [^\n]*"text\/x-in"[^\n]*$/);
  const direct = await server.invoke("http://direct.invalid/in\r\nhttp://out.invalid/out\r\n", URI_LIST);
  assert.equal(direct.status, 502, direct.text);
  await server.stop();
});
