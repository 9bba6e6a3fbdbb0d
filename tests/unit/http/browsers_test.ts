import assert from "node:assert/strict";
import { Browsers, isLoopback } from "../../../src/http/browsers.ts";
import { appWith } from "../helper/app.ts";
import { FakePool } from "../helper/fake_pool.ts";

function browsers({ host = "127.0.0.1", allowHosts = [], cors = [] }: {
  host?: string;
  allowHosts?: readonly string[];
  cors?: readonly string[];
} = {}): Browsers {
  const made = new Browsers({ host, allowHosts, cors });
  made.enforced = true;
  return made;
}

/** Whether a request is accepted. */
function serves(rules: Browsers, host: string, headers: Record<string, string> = {}, method = "POST"): boolean {
  return rules.refusal({ method, host, fields: Object.entries(headers).flat() }) === undefined;
}

for (
  const host of [
    "localhost",
    "LocalHost:8080",
    "localhost.",
    "localhost.:1",
    "a.localhost:80",
    "127.0.0.1",
    "127.0.0.1:65535",
    "127.255.3.4",
    "127.1",
    "[::1]",
    "[::1]:8080",
    "[0:0:0:0:0:0:0:1]:80",
    "[::ffff:127.0.0.1]",
    "[::FFFF:7f00:1]:80",
    "",
  ]
) {
  Deno.test(`Browsers accept the Host '${host}', which names loopback`, () => {
    assert.ok(serves(browsers(), host));
    assert.ok(serves(browsers(), host, {}, "GET"));
  });
}

for (
  const host of [
    "evil.example",
    "evil.example:8080",
    "localhost.evil.example",
    "localhost@evil.example",
    "evil.example#localhost",
    "127.0.0.1.evil.example",
    "notlocalhost",
    ".localhost.evil",
    "128.0.0.1",
    "10.0.0.1",
    "0.0.0.0:8080",
    "[::]",
    "[::2]:80",
    "[::ffff:10.0.0.1]",
    "[::ffff:8000:1]",
    "localhost:99999",
    "localhost:80:80",
    "local host",
    "localhost,evil.example",
    "%6cocalhost",
    "ｌocalhost",
    ".",
    "-",
    "*",
  ]
) {
  Deno.test(`Browsers refuse the Host '${host}', which does not name loopback`, () => {
    for (const method of ["GET", "POST", "OPTIONS", "HEAD"]) assert.ok(!serves(browsers(), host, {}, method), method);
  });
}

Deno.test("Browsers refuse a Host even after another was accepted", () => {
  const rules = browsers();
  for (const host of ["localhost", "evil.example", "localhost", "evil.example"]) {
    assert.equal(serves(rules, host), host === "localhost");
  }
});

Deno.test("Browsers accept the address of the server and allowed Hosts, in any case and with any port", () => {
  const rules = browsers({ host: "Box.Example", allowHosts: ["Models.Example.com"] });
  for (const host of ["models.example.com", "MODELS.example.com.:443", "box.example:1", "localhost"]) {
    assert.ok(serves(rules, host), host);
  }
  for (const host of ["example.com", "a.models.example.com"]) assert.ok(!serves(rules, host), host);
  assert.ok(serves(browsers({ allowHosts: ["*"] }), "whatever.example"));
  assert.ok(serves(browsers({ host: "::1" }), "[::1]:8080"));
});

for (
  const [headers, expected] of [
    [{}, true],
    [{ "sec-fetch-site": "same-origin", origin: "http://localhost:8080" }, true],
    [{ "sec-fetch-site": "none" }, true],
    [{ "sec-fetch-site": "cross-site" }, false],
    [{ "sec-fetch-site": "same-site", origin: "http://localhost:3000" }, false],
    [{ "sec-fetch-site": "Cross-Site" }, false],
    [{ "sec-fetch-site": "" }, false],
    // A browser that does not know Sec-Fetch-Site.
    [{ origin: "http://localhost:8080" }, true],
    [{ origin: "https://LOCALHOST:8080" }, true],
    [{ origin: "http://localhost:3000" }, false],
    [{ origin: "http://localhost" }, false],
    [{ origin: "http://127.0.0.1:8080" }, false],
    [{ origin: "https://evil.example" }, false],
    [{ origin: "null" }, false],
    [{ origin: "" }, false],
    [{ origin: "http://localhost:8080/evil" }, false],
    [{ origin: "http://evil@localhost:8080" }, false],
    [{ origin: "chrome-extension://localhost:8080" }, false],
    // A proxy that changes the Host, which then differs from the page's.
    [{ "sec-fetch-site": "same-origin", origin: "https://models.example.com" }, true],
    [{ "sec-fetch-site": "cross-site", origin: "http://localhost:8080" }, false],
  ] as [Record<string, string>, boolean][]
) {
  Deno.test(`Browsers ${expected ? "accept" : "refuse"} a POST with ${JSON.stringify(headers)}`, () => {
    for (const method of ["POST", "PUT", "DELETE", "post"]) {
      assert.equal(serves(browsers(), "localhost:8080", headers, method), expected);
    }
    for (const method of ["GET", "HEAD"]) assert.ok(serves(browsers(), "localhost:8080", headers, method));
  });
}

Deno.test("Browsers accept requests from pages of allowed origins", () => {
  const headers = { "sec-fetch-site": "cross-site", origin: "https://app.example.com" };
  assert.ok(serves(browsers({ cors: ["https://app.example.com"] }), "localhost", headers));
  assert.ok(serves(browsers({ cors: ["*"] }), "localhost", headers));
  assert.ok(!serves(browsers({ cors: ["https://example.com"] }), "localhost", headers));
  assert.ok(!serves(browsers({ cors: ["*"] }), "evil.example", headers), "that is no origin's name");
});

Deno.test("Browsers accept every request unless they are enforced", () => {
  const rules = browsers();
  rules.enforced = false;
  assert.ok(serves(rules, "evil.example", { "sec-fetch-site": "cross-site" }));
});

Deno.test("isLoopback() recognizes loopback addresses", () => {
  for (const address of ["127.0.0.1", "127.1.2.3", "[::1]", "[::ffff:127.0.0.1]"]) assert.ok(isLoopback(address));
  for (const address of ["0.0.0.0", "10.0.0.1", "[::]", "[fe80::1]", "[::ffff:0.0.0.0]"]) {
    assert.ok(!isLoopback(address), address);
  }
});

Deno.test("the application refuses on each path what Browsers refuse, and says what to do", async () => {
  const pool = new FakePool();
  const app = appWith(pool, [], { browsers: browsers() });
  for (
    const [path, method] of [["/invocations", "POST"], ["/ping", "GET"], ["/nothing", "GET"], ["/v2", "GET"]] as const
  ) {
    const refused = await app.request(`http://evil.example:8080${path}`, { method });
    assert.equal(refused.status, 403, path);
    assert.match((await refused.json()).detail, /the Host 'evil\.example:8080'.*--allow-host/);
  }
  const posted = await app.request("/invocations", {
    method: "POST",
    body: "x",
    headers: { "content-type": "text/plain", "sec-fetch-site": "cross-site", origin: "https://evil.example" },
  });
  assert.equal(posted.status, 403);
  assert.match((await posted.json()).detail, /\(https:\/\/evil\.example\).*--cors/);
  assert.deepEqual(pool.asked, []);
  assert.match(await (await app.request("/metrics")).text(), /aimodellib_requests_total\{[^}]*status="403"[^}]*\} 5/);
  assert.equal((await app.request("/invocations", { method: "POST", body: "x" })).status, 200);
});

Deno.test("the application answers preflights and adds CORS headers for allowed origins only", async () => {
  const app = appWith(new FakePool(), [], { browsers: browsers({ cors: ["https://app.example.com"] }) });
  const asking = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "content-type,x-request-id",
  };
  const preflight = (origin: string) =>
    app.request("/invocations", { method: "OPTIONS", headers: { origin, ...asking, "sec-fetch-site": "cross-site" } });
  const good = await preflight("https://app.example.com");
  assert.equal(good.status, 200);
  assert.equal(good.headers.get("access-control-allow-origin"), "https://app.example.com");
  assert.equal(good.headers.get("access-control-allow-methods"), "GET, HEAD, POST");
  assert.equal(good.headers.get("access-control-allow-headers"), "content-type,x-request-id");
  const bad = await preflight("https://evil.example");
  assert.deepEqual([bad.status, bad.headers.get("access-control-allow-origin")], [405, null]);
  const metrics = await (await app.request("/metrics")).text();
  assert.match(metrics, /aimodellib_requests_total\{route="other",status="200"\} 1/, "a preflight counts as well");

  const post = (origin: string) =>
    app.request("/invocations", { method: "POST", body: "x", headers: { origin, "sec-fetch-site": "cross-site" } });
  const answer = await post("https://app.example.com");
  assert.deepEqual([answer.status, await answer.text()], [200, "answer"]);
  assert.equal(answer.headers.get("access-control-allow-origin"), "https://app.example.com");
  assert.match(answer.headers.get("vary")!, /Origin/);
  const refused = await post("https://evil.example");
  assert.deepEqual([refused.status, refused.headers.get("access-control-allow-origin")], [403, null]);
  const missing = await app.request("/nothing", { headers: { origin: "https://app.example.com" } });
  assert.equal(missing.headers.get("access-control-allow-origin"), "https://app.example.com", "of problems as well");
});

Deno.test("Browsers with different rules decide differently about the same head", () => {
  const [open, strict] = [browsers({ allowHosts: ["model.example"] }), browsers()];
  const head = { method: "POST", host: "model.example", fields: [] };
  for (let i = 0; i < 2; i++) {
    assert.equal(open.refusal(head), undefined);
    assert.equal(strict.refusal(head)?.status, 403);
  }
});
