/** The page at `/`, in a real browser. */

import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { BIN, PYTHON } from "./support/sandbox.ts";
import { TOOL_ENV } from "./support/tool.ts";

const BROWSER = "/usr/bin/chromium";

const hasBrowser = (() => {
  try {
    return Deno.statSync(BROWSER).isFile;
  } catch {
    return false;
  }
})();

/** Keeps the browser from sending requests of its own to other machines. */
const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-component-update",
  "--disable-background-networking",
  "--disable-sync",
];

const SCRIPT = `
import json

def load(model_dir, logger=None):
    return 2

def deserialize(data, content_type="application/octet-stream", logger=None):
    return json.loads(data)["inputs"]

def predict(data, model, logger=None):
    return [value * model for value in data]

def serialize(data, accepted="*/*", logger=None):
    return json.dumps({"outputs": data}).encode(), "application/json"
`;

Deno.test({
  name: hasBrowser
    ? "the page at / sends a body and shows the answer"
    : `the page at / (skipped: there is no ${BROWSER})`,
  ignore: !hasBrowser,
  async fn() {
    const module = Deno.makeTempDirSync();
    Deno.writeTextFileSync(`${module}/double.py`, SCRIPT);
    const child = new Deno.Command(BIN, {
      args: ["serve", "--port", "0", "--python", PYTHON, module, "double.py", module],
      clearEnv: true,
      env: { ...TOOL_ENV, HOME: module, AIMODELLIB_LOG_FORMAT: "text" },
      stderr: "piped",
    }).spawn();
    const [log, rest] = child.stderr.tee();
    const drained = rest.pipeTo(new WritableStream());
    const browser = await chromium.launch({ executablePath: BROWSER, args: ARGS });
    try {
      const url = await readUrl(log);
      const page = await browser.newPage();
      const refused: string[] = [];
      page.on("console", (message) => message.type() === "error" && refused.push(message.text()));
      const outside: string[] = [];
      page.on("request", (request) => !request.url().startsWith(url) && outside.push(request.url()));
      await page.goto(url);
      await page.locator(".state", { hasText: "ready" }).waitFor();
      assert.match(await page.title(), /^[\w.-]+ – aimodellib$/);

      await page.getByRole("textbox", { name: "JSON" }).fill('{"inputs": [1, 2, 3]}');
      await page.getByRole("button", { name: "Send" }).click();
      await page.locator(".status", { hasText: "200" }).waitFor();
      await page.getByRole("tab", { name: "Text" }).last().click();
      assert.equal(await page.locator("pre.text").textContent(), '{"outputs": [2, 4, 6]}');
      assert.deepEqual(refused, [], "the page's own policy allows all that it does");

      await page.getByRole("textbox", { name: "JSON" }).fill("rubbish");
      await page.keyboard.press("Control+Enter");
      await page.locator(".status", { hasText: "400" }).waitFor();
      assert.match((await page.textContent(".problem")) ?? "", /deserialize\(\) raised JSONDecodeError/);
      assert.deepEqual(outside, [], "nothing is loaded from elsewhere");

      await page.goto(url.replace("127.0.0.1", "localhost"));
      await page.getByRole("textbox", { name: "JSON" }).fill('{"inputs": [4]}');
      await page.keyboard.press("Control+Enter");
      await page.locator(".status", { hasText: "200" }).waitFor();
    } finally {
      await browser.close();
      child.kill("SIGTERM");
      assert.equal((await child.status).code, 0);
      await drained;
      Deno.removeSync(module, { recursive: true });
    }
  },
});

/** Returns the URL that the log shows once the model is loaded. */
async function readUrl(log: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of log.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const url = /Ready: POST (http:\/\/[\w.:]+)\/invocations/.exec(text)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error(`The server ended: ${text}`);
}
