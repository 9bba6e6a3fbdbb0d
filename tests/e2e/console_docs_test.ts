/** The page at `/docs`, in a real browser, behind the path of a proxy and with a token. */

import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { has } from "./support/needs.ts";
import { py, test } from "./support/sandbox.ts";
import { problemOf } from "./support/server.ts";

const BROWSER = "/usr/bin/chromium";
const TOKEN = "0123456789abcdef-token";
const PREFIX = "/team/double";

/** No request of the browser's own leaves the machine. */
const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];

const DOUBLE = py`
  import json
  def load(model_dir): return 2
  def deserialize(data, content_type): return json.loads(data)["inputs"]
  def predict(data, model): return [value * model for value in data]
  def serialize(data, accepted): return json.dumps({"outputs": data}).encode(), "application/json"
`;

test(
  "/docs shows the API with samples as examples, and sends requests, behind a path and with a token",
  async (box) => {
    const module = box.module({ "serve.py": DOUBLE, "sample.json": '{"inputs": [3, 4]}', "samples/other.json": "[]" });
    const server = await box.serve({ module }, { env: { AIMODELLIB_TOKEN: TOKEN } });
    await using proxy = behind(PREFIX, server.url);
    const origin = `http://127.0.0.1:${proxy.addr.port}`;
    const browser = await chromium.launch({ executablePath: BROWSER, args: ARGS });
    try {
      const page = await browser.newPage();
      const complaints: string[] = [];
      const outside: string[] = [];
      page.on("console", (message) => {
        // A browser complains about each status from 400 on.
        if (message.type() === "error" && !/^Failed to load resource/.test(message.text())) {
          complaints.push(message.text());
        }
      });
      page.on("pageerror", (error) => complaints.push(error.message));
      page.on("request", (request) => {
        if (!request.url().startsWith(`${origin}${PREFIX}/`) && !request.url().startsWith("data:")) {
          outside.push(request.url());
        }
      });
      await page.goto(`${origin}${PREFIX}/docs`);
      await page.getByLabel("This server asks for a token").fill("not-the-right-token");
      await page.getByRole("button", { name: "Open" }).click();
      await page.getByRole("alert").filter({ hasText: "not valid" }).waitFor();
      await page.getByLabel("This server asks for a token").fill(TOKEN);
      await page.keyboard.press("Enter");
      for (const tag of ["Model", "Open Inference Protocol", "Health", "Operation"]) {
        await page.getByRole("heading", { name: new RegExp(`^${tag}`) }).waitFor();
      }
      const invocations = page.locator("#operations-Model-postInvocations");
      await invocations.getByRole("button").first().click();
      await invocations.getByRole("button", { name: "Try it out" }).click();
      const body = invocations.locator("textarea");
      assert.deepEqual(JSON.parse(await body.inputValue()), { inputs: [3, 4] }, "the sample is the body");
      await invocations.getByRole("button", { name: "Execute" }).click();
      const answer = invocations.locator(".live-responses-table .response").first();
      await answer.getByText("outputs").waitFor();
      assert.match((await answer.textContent()) ?? "", /200[^]*6,\s*8/);
      assert.deepEqual(complaints, [], "the page's own policy allows all that it does");
      assert.deepEqual(outside, [], "nothing is asked of other hosts, or outside of the path");
    } finally {
      await browser.close();
    }
    assert.equal(problemOf(await server.request("/openapi.json")).status, 401);
    await server.stop();
  },
  has(BROWSER),
);

test("--no-console leaves out /docs, its files and the samples", async (box) => {
  const module = box.module({ "serve.py": DOUBLE, "sample.json": '{"inputs": [3, 4]}' });
  const server = await box.serve({ module }, { args: ["--port", "0", "--no-console"] });
  for (const path of ["/docs", "/console/docs.js", "/console/swagger-ui.css", "/console/facts", "/console/events"]) {
    assert.equal(problemOf(await server.request(path)).status, 404, path);
  }
  const { paths } = JSON.parse((await server.request("/openapi.json")).text);
  assert.deepEqual(Object.keys(paths["/invocations"].post.requestBody.content), ["*/*"]);
  assert.equal((await server.request("/admin/reload", { method: "POST" })).status, 200);
  await server.stop();
});

/** A proxy that answers requests below a path with what a server answers without it. */
function behind(prefix: string, server: string) {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { pathname, search } = new URL(request.url);
    if (!pathname.startsWith(`${prefix}/`)) return new Response("outside of the path", { status: 404 });
    const headers = new Headers(request.headers);
    headers.delete("host");
    headers.set("accept-encoding", "identity");
    const { method, body } = request;
    const answer = await fetch(`${server}${pathname.slice(prefix.length)}${search}`, { method, headers, body });
    return new Response(answer.body, answer);
  });
}
