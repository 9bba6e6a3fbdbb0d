/** The page at `/docs`, in a real browser, behind the path of a proxy and with a token. */

import assert from "node:assert/strict";
import { behind, hasBrowser, launch, open } from "./support/browser.ts";
import { py, test } from "./support/sandbox.ts";
import { problemOf } from "./support/server.ts";

const TOKEN = "0123456789abcdef-token";
const PREFIX = "/team/double";

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
    const browser = await launch();
    try {
      const { page, complaints, outside } = await open(browser, proxy.url);
      await page.goto(`${proxy.url}docs`);
      await page.getByLabel("This server requires a token").fill("not-the-right-token");
      await page.getByRole("button", { name: "Open" }).click();
      await page.getByRole("alert").filter({ hasText: "not valid" }).waitFor();
      await page.getByLabel("This server requires a token").fill("0123…cdef");
      await page.getByRole("button", { name: "Open" }).click();
      await page.getByRole("alert").filter({ hasText: "No token has the character '…'" }).waitFor();
      await page.getByLabel("This server requires a token").fill(TOKEN);
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
  hasBrowser || "there is no Chromium",
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
