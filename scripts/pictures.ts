/** Takes the pictures of the console for README.md and `docs/`: `scripts/deno task pictures`. It needs Chromium. */

import { launch } from "../tests/e2e/support/browser.ts";
import { messageOf } from "../src/errors.ts";
import { ROOT } from "./project.ts";

/** A 3, as two arcs of points from 0 to 1. */
const THREE = [arc(0.46, 0.31, 0.19, 0.16, -140, 85), arc(0.46, 0.66, 0.22, 0.19, -85, 140)];

/** Points of an ellipse, between two angles in degrees. */
function arc(x: number, y: number, width: number, height: number, from: number, to: number): [number, number][] {
  return Array.from({ length: 25 }, (_, index) => {
    const angle = (from + (to - from) * index / 24) * Math.PI / 180;
    return [x + width * Math.cos(angle), y + height * Math.sin(angle)];
  });
}

/** How long the picture of the figures waits for some, in ms, while requests are sent. */
const FIGURES_MS = 40_000;

async function takePictures(): Promise<void> {
  const folder = Deno.makeTempDirSync();
  const run = (...args: string[]) =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "-A", `${ROOT}/src/main.ts`, ...args],
      cwd: ROOT,
      env: { AIMODELLIB_LOG_FORMAT: "text" },
      stderr: "piped",
    }).spawn();
  const train = run("train", "examples/digits", "train.py", folder);
  await train.stderr.pipeTo(new WritableStream());
  if (!(await train.status).success) throw new Error("The training of examples/digits has failed");
  const server = run("serve", "--port", "0", "--workers", "2", "examples/digits", "serve.py", folder);
  try {
    const url = await urlOf(server.stderr);
    await usingBrowser(url);
  } finally {
    server.kill("SIGTERM");
    await server.status;
    Deno.removeSync(folder, { recursive: true });
  }
}

async function usingBrowser(url: string): Promise<void> {
  await using browser = await launch();
  for (const colorScheme of ["light", "dark"] as const) {
    const page = await browser.newPage({ viewport: { width: 1280, height: 860 }, colorScheme });
    await page.goto(url);
    const canvas = page.locator(".draw-canvas");
    await canvas.waitFor();
    const { x, y, width, height } = (await canvas.boundingBox())!;
    for (const line of THREE) {
      await page.mouse.move(x + line[0]![0] * width, y + line[0]![1] * height);
      await page.mouse.down();
      for (const point of line) await page.mouse.move(x + point[0] * width, y + point[1] * height);
      await page.mouse.up();
    }
    await page.locator(".tree", { hasText: "digit" }).waitFor();
    // The first request takes longer than others, and the picture is to show what is usual.
    for (let count = 2; count < 4; count++) {
      await page.getByRole("button", { name: "Send", exact: true }).click();
      await page.locator(`.entries li:nth-child(${count})`).waitFor();
    }
    await page.screenshot({ path: `${ROOT}/docs/console${colorScheme === "light" ? "" : "-dark"}.png` });
  }
  const page = await browser.newPage({ viewport: { width: 1280, height: 860 }, colorScheme: "light" });
  await page.goto(`${url}/#watch`);
  const body = Deno.readTextFileSync(`${ROOT}/examples/digits/sample.json`);
  for (let start = performance.now(), count = 0; performance.now() - start < FIGURES_MS; count++) {
    const one = () =>
      fetch(`${url}/invocations`, { method: "POST", body, headers: { "content-type": "application/json" } })
        .then((response) => response.body?.cancel());
    await Promise.all(Array.from({ length: 4 + count % 20 }, one));
    await new Promise((resolve) => setTimeout(resolve, 60 + 40 * Math.sin(count / 40)));
  }
  await page.screenshot({ path: `${ROOT}/docs/console-watch.png` });
}

async function urlOf(log: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  let text = "";
  const [mine, rest] = log.tee();
  void rest.pipeTo(new WritableStream());
  for await (const chunk of mine.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const url = /Ready: POST (\S+)\/invocations/.exec(text)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error(`The server has ended: ${text}`);
}

if (import.meta.main) {
  try {
    await takePictures();
  } catch (error) {
    console.error(messageOf(error));
    Deno.exit(1);
  }
}
