import assert from "node:assert/strict";
import { Tokens } from "../../../../src/http/tokens.ts";
import { VERSION } from "../../../../src/version.ts";
import { appWith, problemIn } from "../../helper/app.ts";
import { FakePool } from "../../helper/fake_pool.ts";
import { TempDir } from "../../helper/temp_dir.ts";

const TOKEN = "0123456789abcdef";
const tokens = () => Tokens.parse(TOKEN, "tokens");
const bearer = { headers: { authorization: `Bearer ${TOKEN}` } };

Deno.test("GET / answers with the page, which is the same for everybody", async () => {
  const app = appWith(new FakePool(), [], { tokens: tokens() });
  const response = await app.request("/");
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "text/html; charset=utf-8");
  assert.equal(response.headers.get("cache-control"), "no-store");
  const page = await response.text();
  assert.ok(!page.includes("digits") && !page.includes(VERSION), "it says nothing about the server");
  const head = await app.request("/", { method: "HEAD" });
  assert.deepEqual([head.status, await head.text()], [200, ""]);
});

Deno.test("the page's files may be kept for good under the URLs that the page has", async () => {
  const app = appWith(new FakePool(), [], { tokens: tokens() });
  const page = await (await app.request("/")).text();
  for (const name of ["app.js", "app.css"]) {
    const url = new RegExp(`"(console/${name}[^"]*)"`).exec(page)![1]!;
    const file = await app.request(`/${url}`);
    assert.equal(file.status, 200);
    assert.equal(file.headers.get("cache-control"), "public, max-age=31536000, immutable");
    assert.ok((await file.bytes()).length > 1000);
    const other = await app.request(`/console/${name}?v=0`);
    assert.equal(other.headers.get("cache-control"), "no-store");
    const compressed = await app.request(`/${url}`, { headers: { "accept-encoding": "br, gzip" } });
    assert.equal(compressed.headers.get("content-encoding"), "gzip");
    assert.equal(compressed.headers.get("vary"), "accept-encoding");
  }
});

Deno.test("GET /console/models tells what is served, with a token alone", async () => {
  using directory = new TempDir();
  directory.write("sample.json");
  const pool = new FakePool();
  pool.module = directory.path;
  const app = appWith(pool, [], { tokens: tokens() });
  for (const path of ["facts", "sample?model=digits&name=sample.json", "schema?model=digits"]) {
    assert.equal((await app.request(`/console/${path}`)).status, 401, path);
  }
  assert.deepEqual(await (await app.request("/console/models", bearer)).json(), {
    version: VERSION,
    models: [{
      name: "digits",
      state: "ready",
      path: "invocations",
      facts: { archive: "digits.tar.gz", script: "serve.py" },
      samples: [{
        name: "sample.json",
        size: Deno.statSync(`${directory.path}/sample.json`).size,
        type: "application/json",
      }],
      schema: false,
    }],
  });
});

Deno.test("GET /console/sample and /console/schema send files to be saved, and say what there is not", async () => {
  using directory = new TempDir();
  directory.write("samples/ä b.html");
  directory.write("schema.json");
  const pool = new FakePool();
  const app = appWith([pool, new FakePool(undefined, "other")]);
  assert.equal((await app.request("/console/schema?model=digits")).status, 503, "the model is not open yet");
  pool.module = directory.path;
  const sample = await app.request(`/console/sample?model=digits&name=${encodeURIComponent("samples/ä b.html")}`);
  assert.equal(sample.status, 200);
  assert.equal(sample.headers.get("content-type"), "application/octet-stream");
  assert.equal(sample.headers.get("content-disposition"), "attachment");
  assert.equal((await app.request("/console/schema?model=digits")).status, 200);
  for (const path of ["sample?model=digits&name=x", "sample?model=none&name=x", "sample", "schema?model=none"]) {
    assert.equal((await problemIn(await app.request(`/console/${path}`))).status, 404, path);
  }
});

Deno.test("without the console, its paths are 404", async () => {
  const app = appWith(new FakePool(), [], { console: false });
  for (const path of ["/", "/console/app.js", "/console/models"]) {
    assert.equal((await app.request(path)).status, 404, path);
  }
});
