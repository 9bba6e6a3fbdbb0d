/** The console, in a real browser, behind the path of a proxy and with a token. */

import assert from "node:assert/strict";
import type { Locator, Page } from "playwright-core";
import { behind, checkAccess, launch, logIn, open, wantLogin, withBrowser } from "./support/browser.ts";
import { MODULES, ROOT, Sandbox } from "./support/sandbox.ts";
import { Server } from "./support/server.ts";

const TOKEN = "0123456789abcdef";
const bearer = { authorization: `Bearer ${TOKEN}` };

/** Doubles lists of JSON; `v2_metadata` describes them. */
const TENSORS = `
import json

def v2_metadata(model):
    return {
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}],
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 2]}],
    }

def load(model_dir):
    return None

def deserialize(data, content_type="application/octet-stream"):
    return json.loads(data)

def predict(data, model):
    return [[2 * value for value in row] for row in data]

def serialize(data, accepted="*/*"):
    return json.dumps(data).encode(), "application/json"
`;

/** Answers with what it gets; several requests make a batch. */
const ECHO = `
def load(model_dir):
    return None

def deserialize(data, content_type="application/octet-stream"):
    return data

def predict(data, model):
    return data

def predict_batch(batch, model):
    return batch

def serialize(data, accepted="*/*"):
    return data, "application/json"
`;

const DRAWING = JSON.stringify({
  properties: {
    pixels: {
      title: "Draw",
      type: "array",
      format: "drawing",
      minItems: 64,
      maxItems: 64,
      items: { minimum: 0, maximum: 16 },
    },
  },
});

/** What the pages of this test may do without asking: no other permission is granted then. */
const PERMISSIONS = ["camera", "clipboard-read", "clipboard-write"];

/** The model of the template `stream`, which knows the words that follow each word. */
const WORDS = JSON.stringify({ Alice: ["was"], was: ["Alice"] });

/** The console as a visitor uses it. */
class Visitor {
  constructor(readonly page: Page) {}

  get status() {
    return this.page.locator(".status");
  }

  get answer() {
    return this.page.locator(".answer");
  }

  tab(row: string, name: string) {
    return this.page.getByRole("tablist", { name: row }).getByRole("tab", { name, exact: true });
  }

  button(name: string) {
    return this.page.getByRole("button", { name, exact: true });
  }

  async unlock(): Promise<void> {
    await this.page.getByLabel("Token").fill(TOKEN);
    await this.page.keyboard.press("Enter");
    await this.page.locator(".state", { hasText: "ready" }).waitFor();
  }

  async choose(model: string): Promise<void> {
    await this.page.getByLabel("Model").selectOption(model);
    await this.page.locator(".request", { hasText: `models/${model}/` }).waitFor();
  }

  /** Sends a body of JSON with the keyboard, and waits for the end of its answer. */
  async ask(body: unknown, status: number | string = 200): Promise<void> {
    await this.tab("Body", "JSON").click();
    await this.page.getByRole("textbox", { name: "JSON" }).fill(typeof body === "string" ? body : JSON.stringify(body));
    await this.page.keyboard.press("Control+Enter");
    await this.ended(status);
  }

  /** Waits until an answer with this status has ended. */
  async ended(status: number | string): Promise<void> {
    await this.status.filter({ hasText: String(status) }).waitFor();
    await this.page.locator(".actions button:disabled", { hasText: "Cancel" }).waitFor();
  }

  /** Shows the last answer as text, and returns that. */
  async text(): Promise<string> {
    await this.tab("Answer", "Text").click();
    return await this.page.locator(".answer pre.text").textContent() ?? "";
  }
}

Deno.test({
  ...withBrowser("the console sends requests and shows answers of all kinds"),
  async fn(t) {
    await using box = new Sandbox();
    box.write({ tokens: `${TOKEN} admin\nmetrics-only-0123 metrics\n` });
    const module = (name: string) => `${name}=${box.path(name)},serve.py,${box.root}`;
    box.module({ "serve.py": TENSORS }, "tensors");
    box.module({ "serve.py": ECHO, "schema.json": DRAWING }, "draw");
    box.write({ "words/model.json": WORDS });
    const program = box.start([
      ...["serve", "--port", "0", "--token-file", "tokens"],
      ...["--model", `many=${MODULES}/console,serve.py,${box.root}`],
      ...["--model", module("tensors"), "--model", module("draw")],
      ...["--model", `chat=${ROOT}/src/cli/init/templates/stream,serve.py,${box.path("words")}`],
    ]);
    const server = await Server.attach(program, true);
    await Server.untilReady(program, "many", "tensors", "draw", "chat");
    await using proxy = behind("/team/iris", server.url);
    await using browser = await launch();
    const { page, complaints, outside } = await open(browser, proxy.url, { permissions: PERMISSIONS });
    const visitor = new Visitor(page);
    const step = async (name: string, fn: () => Promise<void>) => {
      const passed = await t.step(name, async () => {
        await fn();
        assert.deepEqual(complaints.splice(0), []);
      });
      // Each step begins where the one before has ended.
      if (!passed) {
        throw new Error(`The page after '${name}':\n${(await page.locator("body").innerText()).slice(0, 3000)}`);
      }
    };

    await step("it asks for a token, and shows nothing without one", async () => {
      await page.goto(proxy.url);
      await page.getByLabel("Token").fill("not-the-token-at-all");
      await page.keyboard.press("Enter");
      await page.getByText("The bearer token is not valid").waitFor();
      await page.getByLabel("Token").fill("0123…cdef");
      await page.keyboard.press("Enter");
      await page.locator(".token .error", { hasText: "No token has the character '…'" }).waitFor();
      await page.getByLabel("Token").fill("metrics-only-0123");
      await page.keyboard.press("Enter");
      await page.locator(".token .error", { hasText: "GET /metrics" }).waitFor();
      assert.doesNotMatch(await page.textContent("body") ?? "", /many|tensors|serve\.py/);
      await checkAccess(page, "the token form");
      await visitor.unlock();
      assert.equal(await page.title(), "many – aimodellib");
    });

    await step("it loads the first sample, and others by their buttons", async () => {
      await holds(page.getByRole("textbox", { name: "JSON" }), /"want": "json"/);
      await visitor.button("rows.csv").click();
      await page.getByRole("textbox", { name: "Text" }).waitFor();
      assert.equal(await page.getByRole("textbox", { name: "Text" }).inputValue(), "a,b\n1,2\n");
      assert.equal(await page.getByLabel("Content-Type").inputValue(), "text/csv");
      await visitor.button("Send").click();
      await visitor.ended(200);
      await page.locator(".answer th", { hasText: "a" }).waitFor();
    });

    await step("it shows JSON as a tree with bars, its size, its times and its id", async () => {
      await visitor.ask({ want: "json" });
      await page.locator(".tree", { hasText: "asked" }).waitFor();
      assert.equal(await page.locator(".bars li[data-greatest]").textContent(), "10.7");
      assert.match(await visitor.status.textContent() ?? "", /200.*ms.*B.*application\/json/);
      assert.match(await page.textContent(".timing") ?? "", /queue.*deserialize.*predict.*serialize.*transport/);
      assert.match(await page.textContent(".request-id") ?? "", /^[0-9a-f]+-\d+$/);
      assert.match(await visitor.text(), /^\{"asked"/);
    });

    await step("it says that a header can't be sent", async () => {
      await page.getByLabel("Content-Type").fill("text/csv; header=“present”");
      await visitor.button("Send").click();
      await visitor.answer.getByRole("alert").getByText("The header 'content-type' can't have the character '“'")
        .waitFor();
      await page.getByLabel("Content-Type").fill("application/json");
    });

    await step("it shows tables, pictures, sound, pages, bytes and empty answers", async () => {
      await visitor.ask({ want: "csv" });
      assert.equal(await page.locator(".answer td").first().textContent(), "a, b");
      await visitor.ask({ want: "png" });
      await until(page, `document.querySelector(".answer img")?.naturalWidth === 2`);
      await visitor.ask({ want: "wav" });
      await until(page, `document.querySelector(".answer audio")?.duration === 0.1`);
      await visitor.ask({ want: "bytes" });
      assert.match(await page.textContent("pre.hex") ?? "", /^000000 {2}00 01 02 .*\n000010 /);
      const [download] = await Promise.all([page.waitForEvent("download"), visitor.button("Download").click()]);
      assert.deepEqual(
        Deno.readFileSync(await download.path()),
        new Uint8Array(Array.from({ length: 256 }, (_, index) => index)),
      );
      await visitor.ask({ want: "empty" });
      await visitor.answer.getByText("The answer is empty.").waitFor();
    });

    await step("it reads a text in the encoding that its type names", async () => {
      await visitor.tab("Body", "Text").click();
      await page.getByRole("textbox", { name: "Text" }).fill("é");
      await page.getByLabel("Content-Type").fill("text/plain; charset=iso-8859-1");
      await visitor.button("Send").click();
      await page.locator(".answer pre.text", { hasText: /^Ã©$/ }).waitFor();
    });

    await step("it never runs what a script answers", async () => {
      await visitor.ask({ want: "html" });
      await page.frameLocator("iframe").getByRole("heading", { name: "A report" }).waitFor();
      assert.equal(await page.locator("iframe").getAttribute("sandbox"), "");
      assert.equal(await page.evaluate("globalThis.attacked"), undefined);
      // The browser says that it did not run the script.
      assert.ok(complaints.splice(0).every((complaint) => /sandboxed|Content Security Policy/.test(complaint)));
      await visitor.ask({ want: "markup" });
      await page.locator(".tree .name", { hasText: "<img src=x onerror=attack()>" }).waitFor();
      assert.equal(await page.locator(".answer img").count(), 0);
    });

    await step("it shows a streamed answer as it arrives, and cancels it", async () => {
      await visitor.ask({ want: "stream" });
      assert.equal(await page.locator(".answer pre.text").textContent(), "part 0 part 1 part 2 ");
      await page.getByRole("textbox", { name: "JSON" }).fill('{"want": "stream", "parts": 1000, "pause": 0.05}');
      await visitor.button("Send").click();
      await page.locator(".answer pre.text[data-live]", { hasText: "part 1" }).waitFor();
      await visitor.button("Cancel").click();
      await visitor.ended("Cancelled");
      await page.getByLabel("Accept").fill("text/event-stream");
      await visitor.ask({ want: "stream" });
      await page.locator(".parts summary", { hasText: "3 parts" }).waitFor();
      assert.equal(await page.locator(".answer pre.text").textContent(), "part 0 part 1 part 2 ");
      await page.getByLabel("Accept").fill("*/*");
    });

    await step("it shows a problem by its stage, its exception and its message", async () => {
      await visitor.ask({ want: "raise" }, 500);
      assert.match(await page.textContent(".problem") ?? "", /predict\(\) raised ValueErrorno <b>such<\/b> thing/);
      await page.locator(".request-log li", { hasText: "reading a request" }).waitFor();
      await page.locator(".request-log pre", { hasText: /^Traceback[\s\S]*in predict/ }).waitFor();
      await visitor.ask("rubbish", 400);
      assert.match(await page.textContent(".problem") ?? "", /deserialize\(\) raised JSONDecodeError/);
    });

    await step("it shows the log, by text, level and worker", async () => {
      const id = await page.textContent(".request-id") ?? "";
      await page.getByRole("link", { name: "Log" }).click();
      const lines = page.locator(".tail li");
      await lines.filter({ hasText: "Listening on" }).waitFor();
      await lines.getByRole("button", { name: id, exact: true }).first().click();
      await lines.filter({ hasText: "Listening on" }).waitFor({ state: "detached" });
      assert.match(await lines.first().textContent() ?? "", /many\/1/);
      await page.getByLabel("Text or request id").fill("");
      await page.locator(".filters select").first().selectOption("error");
      await lines.filter({ hasText: "ValueError" }).waitFor();
      assert.equal(await lines.filter({ hasText: "info" }).count(), 0);
      await page.locator(".filters select").last().selectOption("draw/1");
      await page.getByText("No lines.").waitFor();
      await checkAccess(page, "the log");
      await page.getByRole("link", { name: "Try it" }).click();
    });

    await step("it shows the metrics of the script", async () => {
      await page.getByRole("link", { name: "Watch" }).click();
      const rows = page.getByRole("region", { name: "Metrics of the script" }).locator("tbody tr");
      await rows.filter({ hasText: "335.333 on average of 3" }).waitFor();
      assert.deepEqual(await rows.locator("td").allTextContents(), [
        ...["asked", "want=csv", "Requests by what they want", "1"],
        ...["asked", "want=stream", "Requests by what they want", "3"],
        ...["parts", "", "Parts of a stream", "335.333 on average of 3"],
      ]);
    });

    await step("it shows the figures and the workers, one of which is killed, and reloads", async () => {
      await page.getByRole("link", { name: "Watch" }).click();
      await page.locator(".chart path[d*='M']").first().waitFor({ state: "attached" });
      const row = page.locator(".watch tbody tr", { hasText: "many/1" });
      const pid = Number(await row.locator("td").nth(2).textContent());
      Deno.kill(pid, "SIGKILL");
      await page.locator(".events li", { hasText: "ended" }).filter({ hasText: "SIGKILL" }).waitFor();
      await page.locator(".events li").first().filter({ hasText: "ready" }).waitFor();
      await row.filter({ hasText: "ready" }).filter({ hasNotText: String(pid) }).waitFor();
      await checkAccess(page, "the figures");
      const sizes = page.getByRole("region", { name: "Batch sizes" });
      assert.equal(await sizes.count(), 0, "this model has no predict_batch");
      await visitor.button("Reload").click();
      await page.getByText("Reloaded", { exact: true }).waitFor();
      await page.getByRole("link", { name: "Try it" }).click();
    });

    await step("it sends files that are chosen, dropped and pasted", async () => {
      await visitor.tab("Body", "File").click();
      box.write({ "x.csv": "c\n3\n" });
      await page.locator('input[type="file"]').setInputFiles(box.path("x.csv"));
      await page.locator(".picked", { hasText: "x.csv" }).waitFor();
      assert.equal(await page.getByLabel("Content-Type").inputValue(), "text/csv");
      await visitor.button("Send").click();
      await page.locator(".answer td", { hasText: "3" }).waitFor();
      for (const kind of ["drop", "paste"] as const) {
        await page.evaluate(handOver(kind));
        await page.locator(".picked", { hasText: `${kind}.csv` }).waitFor();
        await visitor.button("Send").click();
        await page.locator(".answer td", { hasText: kind }).waitFor();
      }
      await visitor.button("Remove").click();
      await page.locator(".picked").waitFor({ state: "detached" });
    });

    await step("it sends a picture that is drawn, and one that the camera takes", async () => {
      await visitor.tab("Body", "Picture").click();
      await draw(page);
      await page.locator(".seen img").waitFor();
      await visitor.button("Send").click();
      await until(page, `document.querySelector(".answer img")?.naturalWidth === 256`);
      assert.match(await visitor.status.textContent() ?? "", /image\/png/);
      await visitor.button("Use the camera instead").click();
      await until(page, 'document.querySelector("video")?.videoWidth > 0');
      await visitor.button("Take the picture").click();
      await page.locator(".seen", { hasText: "photo.jpg" }).waitFor();
      await visitor.button("Send").click();
      await visitor.status.filter({ hasText: "image/jpeg" }).waitFor();
    });

    await step("it makes a form from schema.json", async () => {
      await visitor.ask({ want: "json", count: 3, flag: false, tags: ["a"] });
      await visitor.tab("Body", "Form").click();
      await page.getByLabel("How many").fill("7");
      await page.getByLabel("A flag").check();
      await visitor.button("Add").click();
      await page.getByLabel("2", { exact: true }).fill("b");
      await page.getByLabel("More").fill('{"deep": [1]}');
      await checkAccess(page, "a form");
      await visitor.tab("Body", "JSON").click();
      assert.deepEqual(JSON.parse(await page.getByRole("textbox", { name: "JSON" }).inputValue()), {
        want: "json",
        count: 7,
        flag: true,
        tags: ["a", "b"],
        more: { deep: [1] },
      });
    });

    await step("it writes the call as code, without the token", async () => {
      for (const language of ["curl", "Python", "JavaScript"]) {
        await visitor.tab("Code", language).click();
        const code = await page.locator(".code-text").textContent() ?? "";
        assert.ok(code.includes(`${proxy.url}models/many/invocations`) && code.includes("TOKEN"), code);
        assert.ok(!code.includes(TOKEN), code);
      }
    });

    await step("it copies the call to the clipboard", async () => {
      await visitor.tab("Code", "Python").click();
      await page.locator(".code-card").getByRole("button", { name: "Copy" }).click();
      await page.getByText("Copied", { exact: true }).waitFor();
      assert.equal(
        await page.evaluate("navigator.clipboard.readText()"),
        await page.locator(".code-text").textContent(),
      );
    });

    await step("it moves between tabs with the arrow keys", async () => {
      await visitor.tab("Code", "curl").click();
      await page.keyboard.press("ArrowRight");
      assert.equal(await page.evaluate("document.activeElement.textContent"), "Python");
      await page.keyboard.press("ArrowLeft");
      await page.keyboard.press("ArrowLeft");
      assert.equal(await visitor.tab("Code", "JavaScript").getAttribute("aria-selected"), "true");
    });

    await step("it keeps a history over a reload, and compares two answers", async () => {
      await visitor.ask({ want: "json", id: 1 });
      await visitor.ask({ want: "json", id: 2 });
      await page.reload();
      await visitor.unlock();
      const entry = page.locator(".entries li");
      await entry.first().waitFor();
      assert.ok(
        !(await page.evaluate<string>("JSON.stringify([{ ...sessionStorage }, { ...localStorage }])")).includes(TOKEN),
      );
      await entry.nth(0).getByRole("checkbox").check();
      await entry.nth(1).getByRole("checkbox").check();
      await page.locator(".diff .line-before", { hasText: '"id": 1' }).waitFor();
      await page.locator(".diff .line-after", { hasText: '"id": 2' }).waitFor();
      await entry.nth(1).getByRole("button", { name: /Resend/ }).click();
      await visitor.ended(200);
      assert.match(await visitor.text(), /"id": 1/);
      await entry.nth(1).locator(".entry-what").click();
      await holds(page.getByRole("textbox", { name: "JSON" }), /"id":2/);
    });

    await step("it keeps the digits of ids with 64 bits", async () => {
      const [id, next] = ["9007199254740992", "9007199254740993"];
      await visitor.ask(`{"want": "json", "id": ${id}}`);
      await visitor.ask(`{"want": "json", "id": ${next}}`);
      await page.locator(".tree .number", { hasText: next }).waitFor();
      const entry = page.locator(".entries li");
      await entry.nth(0).getByRole("checkbox").check();
      await entry.nth(1).getByRole("checkbox").check();
      await page.locator(".diff .line-before", { hasText: `"id": ${id}` }).waitFor();
      await page.locator(".diff .line-after", { hasText: `"id": ${next}` }).waitFor();
      const field = page.getByRole("textbox", { name: "JSON" });
      await field.fill(`{"want":"json","id":${next},"weight":1.0}`);
      await visitor.button("Format").click();
      assert.equal(await field.inputValue(), `{"want": "json", "id": ${next}, "weight": 1.0}`);
      await visitor.tab("Body", "Form").click();
      await page.getByLabel("How many").fill(next);
      await visitor.tab("Body", "JSON").click();
      assert.match(await field.inputValue(), new RegExp(`"id":${next}.*"count":${next}`));
    });

    await step("it makes a form from v2_metadata", async () => {
      await visitor.choose("tensors");
      await visitor.tab("Body", "Form").click();
      await page.getByLabel("x", { exact: false }).and(page.locator("textarea")).fill("[1, 2, 3, 4]");
      await page.getByText("FP32 [2, 2]").waitFor();
      await visitor.button("Send").click();
      await visitor.ended(200);
      assert.deepEqual(JSON.parse(await visitor.text()).outputs[0].data, [2, 4, 6, 8]);
    });

    await step("it sends a drawing as pixels when the pen is lifted", async () => {
      await visitor.choose("draw");
      await page.locator(".draw-canvas").waitFor();
      await draw(page);
      await visitor.ended(200);
      const { pixels } = JSON.parse(await visitor.text());
      assert.equal(pixels.length, 64);
      assert.equal(Math.max(...pixels), 16);
      assert.ok(pixels.filter((pixel: number) => pixel === 0).length > 20, String(pixels));
      await checkAccess(page, "a drawing");
      // A small one in a corner is enlarged and centred.
      await page.locator(".draw-buttons").getByRole("button", { name: "Clear" }).click();
      const again = page.waitForResponse((response) => response.url().endsWith("/invocations"));
      await draw(page, 0.02, 0.3);
      const { pixels: small } = await (await again).json();
      for (const [index, pixel] of small.entries()) {
        assert.ok(Math.abs(pixel - pixels[index]) <= 1, `${small} and ${pixels}`);
      }
    });

    await step("it shows how many requests were predicted together", async () => {
      const send = () => fetch(`${server.url}/models/draw/invocations`, { method: "POST", body: "x", headers: bearer });
      await Promise.all(Array.from({ length: 20 }, async () => await (await send()).text()));
      await page.getByRole("link", { name: "Watch" }).click();
      const sizes = page.getByRole("region", { name: "Batch sizes" });
      await sizes.getByText(/^\d+ batch(es)?, [\d.]+ requests on average$/).waitFor();
      assert.match(await sizes.locator("li").first().textContent() ?? "", /^1(\d+|under 1) %$/);
      assert.equal(await sizes.locator("li[data-greatest]").count() > 0, true);
      await page.getByRole("heading", { name: "Requests in a batch" }).waitFor();
      await checkAccess(page, "the sizes of batches");
      await page.getByRole("link", { name: "Try it" }).click();
    });

    await step("it shows the template stream's answer to its sample word by word", async () => {
      await visitor.choose("chat");
      await holds(page.getByRole("textbox", { name: "Text" }), /^Alice was\n$/);
      await page.evaluate(`{
        globalThis.seen = [];
        new MutationObserver(() => {
          const text = document.querySelector(".answer pre.text[data-live]")?.textContent ?? "";
          if (text !== "" && text !== seen.at(-1)) seen.push(text);
        }).observe(document.body, { subtree: true, childList: true, characterData: true });
      }`);
      await visitor.button("Send").click();
      await visitor.ended(200);
      const whole = await visitor.text();
      assert.equal(whole, "Alice was ".repeat(20));
      const seen = await page.evaluate<string[]>("seen");
      assert.ok(seen.length >= 3, `${seen.length} states before the end`);
      assert.ok(seen.every((text, index) => whole.startsWith(text) && text.length > (seen[index - 1]?.length ?? 0)));
    });

    await step("it fits a phone, and has no serious fault of access in light and dark", async () => {
      await visitor.choose("many");
      for (const [width, colorScheme] of [[1280, "dark"], [390, "light"]] as const) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 844 });
        await visitor.ask({ want: "raise" }, 500);
        await checkAccess(page, `a problem, ${width}, ${colorScheme}`);
        await visitor.ask({ want: "json" });
        await checkAccess(page, `an answer, ${width}, ${colorScheme}`);
        assert.ok(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), `${width}`);
      }
    });

    await step("it says that the server is gone", async () => {
      await server.stop();
      await page.locator(".state", { hasText: "server unreachable" }).waitFor();
    });
    assert.deepEqual(outside, [], "nothing is asked of other servers");
  },
});

Deno.test({
  ...withBrowser("the console fits a phone with models of long names"),
  async fn() {
    await using box = new Sandbox();
    const name = "distilbert-base-multilingual-cased-sentiments-student";
    const model = (name: string) => ["--model", `${name}=${MODULES}/echo,serve.py,${box.root}`];
    const program = box.start(["serve", "--port", "0", ...model(name), ...model("other")]);
    const server = await Server.attach(program, true);
    await Server.untilReady(program, name, "other");
    await using browser = await launch();
    const { page } = await open(browser, server.url, { viewport: { width: 390, height: 844 } });
    const visitor = new Visitor(page);
    await page.goto(server.url);
    await visitor.choose(name);
    await visitor.ask({ a: 1 });
    assert.ok(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is wider");
    assert.ok((await page.locator(".method").boundingBox())!.height < 30, "the method is on one line");
    await page.setViewportSize({ width: 1000, height: 844 });
    await page.goto(`${server.url}#log`);
    const line = page.locator(".log-lines li", { hasText: `Worker ${name}/1 is ready` });
    assert.ok((await line.locator(".log-text").boundingBox())!.width > 500, "the text of a line has room");
    await server.stop();
  },
});

Deno.test({
  ...withBrowser("the console works under any name of the machine, and not with --no-console"),
  async fn() {
    await using box = new Sandbox();
    const server = await box.serve({ module: `${MODULES}/echo` });
    await using browser = await launch();
    const url = server.url.replace("127.0.0.1", "localhost");
    const { page, complaints, outside } = await open(browser, url);
    const visitor = new Visitor(page);
    await page.goto(url);
    await page.locator(".state", { hasText: "ready" }).waitFor();
    await visitor.ask({ a: 1 });
    assert.equal(await visitor.text(), '{"a":1}');
    assert.deepEqual([complaints, outside], [[], []]);
    await server.stop();
    const without = await box.serve({ module: `${MODULES}/echo` }, { args: ["--port", "0", "--no-console"] });
    assert.deepEqual([(await without.request("/")).status, (await without.request("/console/app.js")).status], [
      404,
      404,
    ]);
    await without.stop();
  },
});

Deno.test({
  ...withBrowser("the console and the page of the API work behind a proxy that wants a login"),
  async fn() {
    await using box = new Sandbox();
    const server = await box.serve({ module: `${MODULES}/echo` });
    await using proxy = behind("/user/one", server.url, wantLogin);
    await using browser = await launch();
    const { page, complaints } = await open(browser, proxy.url);
    const visitor = new Visitor(page);
    assert.equal((await page.goto(proxy.url))?.status(), 401);
    complaints.splice(0);
    await logIn(page, proxy.url);
    await page.goto(proxy.url);
    await page.locator(".state", { hasText: "ready" }).waitFor();
    await visitor.ask({ a: 1 });
    assert.equal(await visitor.text(), '{"a":1}');
    await page.goto(`${proxy.url}#log`);
    await page.getByRole("log").getByText("Ready: POST").waitFor();
    await page.goto(`${proxy.url}docs`);
    await page.getByRole("heading", { name: /^Model/ }).waitFor();
    assert.deepEqual(complaints, []);
    await server.stop();
  },
});

/** A script that drops or pastes a file, as a browser does. */
function handOver(kind: "drop" | "paste"): string {
  return `{
    const data = new DataTransfer();
    data.items.add(new File(["d\\n${kind}\\n"], "${kind}.csv", { type: "text/csv" }));
    const init = { bubbles: true, cancelable: true, dataTransfer: data, clipboardData: data };
    const event = ${kind === "drop" ? 'new DragEvent("drop", init)' : 'new ClipboardEvent("paste", init)'};
    document.querySelector(".drop").dispatchEvent(event);
  }`;
}

/** Waits until a field has a text. */
async function holds(field: Locator, text: RegExp): Promise<void> {
  for (let count = 0; count < 200 && !text.test(await field.inputValue()); count++) {
    await field.page().waitForTimeout(50);
  }
  assert.match(await field.inputValue(), text);
}

/** Waits until an expression is true in the page. */
async function until(page: Page, expression: string): Promise<void> {
  for (let count = 0; count < 300; count++) {
    if (await page.evaluate(expression)) return;
    await page.waitForTimeout(50);
  }
  throw new Error(`It is not true: ${expression}`);
}

/** Draws a line on the square, from one place to another, both as parts of its sides. */
async function draw(page: Page, from = 0.2, to = 0.8): Promise<void> {
  const { x, y, width, height } = (await page.locator(".draw-canvas").boundingBox())!;
  await page.mouse.move(x + width * from, y + height * from);
  await page.mouse.down();
  await page.mouse.move(x + width * to, y + height * to, { steps: 5 });
  await page.mouse.up();
}
