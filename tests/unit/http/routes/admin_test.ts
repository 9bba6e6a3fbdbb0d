import assert from "node:assert/strict";
import { Browsers } from "../../../../src/http/browsers.ts";
import { Tokens } from "../../../../src/http/tokens.ts";
import type { Reload } from "../../../../src/http/routes/admin.ts";
import { appWith, problemIn } from "../../helper/app.ts";
import { FakePool } from "../../helper/fake_pool.ts";

function onLoopback(options: { cors?: readonly string[]; allowHosts?: readonly string[] } = {}): Browsers {
  const browsers = new Browsers({ host: "127.0.0.1", cors: [], allowHosts: [], ...options });
  browsers.loopback = browsers.enforced = true;
  return browsers;
}

const done: Reload = () => Promise.resolve([{ name: "digits", reloaded: true }]);
const post = (headers: Record<string, string> = {}) => ({ method: "POST", headers });

Deno.test("/admin/reload reloads for a request from this machine, and says how that ended", async () => {
  const app = appWith(new FakePool(), [], { browsers: onLoopback(), reload: done });
  for (
    const headers of [{}, { "sec-fetch-site": "same-origin", origin: "http://localhost" }, {
      origin: "http://localhost",
    }]
  ) {
    const answer = await app.request("/admin/reload", post(headers));
    assert.deepEqual([answer.status, await answer.json()], [200, { models: [{ name: "digits", reloaded: true }] }]);
  }
});

Deno.test("/admin/reload refuses pages of other origins, other Hosts, proxies, and servers that others reach", async () => {
  let calls = 0;
  const reload: Reload = () => (calls++, done());
  const open = { cors: ["*"], allowHosts: ["*"] };
  const exposed = new Browsers({ host: "0.0.0.0", ...open });
  for (
    const [browsers, url, headers] of [
      [onLoopback(open), "/admin/reload", { origin: "https://evil.example", "sec-fetch-site": "cross-site" }],
      [onLoopback(open), "/admin/reload", { origin: "http://localhost:3000", "sec-fetch-site": "same-site" }],
      [onLoopback(open), "/admin/reload", { "sec-fetch-site": "cross-site" }],
      [onLoopback(open), "/admin/reload", { origin: "https://evil.example" }],
      [onLoopback(open), "http://evil.example/admin/reload", {}],
      [onLoopback(open), "/admin/reload", { "x-forwarded-for": "203.0.113.7" }],
      [onLoopback(open), "/admin/reload", { "x-forwarded-proto": "https" }],
      [onLoopback(open), "/admin/reload", { "cf-connecting-ip": "203.0.113.7" }],
      [onLoopback(open), "/admin/reload", { forwarded: "for=203.0.113.7" }],
      [exposed, "/admin/reload", {}],
      [undefined, "/admin/reload", {}],
    ] as const
  ) {
    const app = appWith(new FakePool(), [], { browsers, reload });
    const answer = await app.request(url, post(headers));
    const problem = await problemIn(answer);
    assert.equal(problem["status"], 403, JSON.stringify(headers));
    assert.match(String(problem["detail"]), /the scope 'admin'|a web page of another origin/);
  }
  assert.equal(calls, 0);
});

Deno.test("/admin/reload needs the scope admin when there are tokens, wherever the request comes from", async () => {
  const tokens = Tokens.parse(
    "the-token-for-all-things\nthe-token-of-the-operator admin\nthe-token-for-metrics metrics",
    "t",
  );
  const app = appWith(new FakePool(), [], { browsers: onLoopback(), tokens, reload: done });
  const status = async (token?: string) =>
    (await app.request("/admin/reload", post(token === undefined ? {} : { authorization: `Bearer ${token}` }))).status;
  assert.equal(await status(), 401);
  assert.equal(await status("the-token-for-all-things"), 403);
  assert.equal(await status("the-token-for-metrics"), 403);
  assert.equal(await status("the-token-of-the-operator"), 200);
});

Deno.test("/admin/reload answers 409 during a reload, and 500 with the causes when one fails", async () => {
  const pool = new FakePool();
  const failed: Reload = () =>
    Promise.resolve([
      { name: "a", reloaded: false, cause: "load() raised ValueError: x" },
      { name: "b", reloaded: true },
    ]);
  const app = appWith(pool, [], { browsers: onLoopback(), reload: failed });
  const problem = await problemIn(await app.request("/admin/reload", post()));
  assert.deepEqual([problem["status"], problem["detail"]], [
    500,
    "Reloading failed ('a': load() raised ValueError: x); workers that were not replaced stay in service",
  ]);
  pool.reloading = true;
  const busy = await app.request("/admin/reload", post());
  assert.deepEqual([busy.status, busy.headers.get("retry-after")], [409, "1"]);
  pool.state = "stopping";
  assert.equal((await app.request("/admin/reload", post())).status, 503);
});

Deno.test("/admin/reload answers at once when the request prefers that", async () => {
  const app = appWith(new FakePool(), [], { browsers: onLoopback(), reload: () => new Promise(() => {}) });
  const answer = await app.request("/admin/reload", post({ prefer: "wait=5, respond-async" }));
  assert.deepEqual([answer.status, await answer.json()], [202, { status: "reloading" }]);
  assert.equal(answer.headers.get("preference-applied"), "respond-async");
});
