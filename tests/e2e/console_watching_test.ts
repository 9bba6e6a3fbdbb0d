/** The console's memory in a real browser that watches a server for a long time. */

import assert from "node:assert/strict";
import type { CDPSession } from "playwright-core";
import { behind, launch, open, withBrowser } from "./support/browser.ts";
import { SimulatedEvents } from "./support/events.ts";
import { MODULES, Sandbox } from "./support/sandbox.ts";

const HOURS = 8;

/**
 * How much more memory the page may have after eight hours than after one. An hour has 3.4 MB of events, and what the page keeps of them is
 * complete within the first one.
 */
const MAX_GROWTH = { heap: 1024 * 1024, nodes: 80, listeners: 20 };

Deno.test({
  ...withBrowser("the memory of the console's page stays flat over eight hours of events"),
  async fn() {
    await using box = new Sandbox();
    const server = await box.serve({ module: `${MODULES}/echo` });
    const model = (await (await fetch(`${server.url}/console/models`)).json()).models[0].name;
    const events = new SimulatedEvents(model);
    await using proxy = behind("/long", server.url, (path) => path === "/console/events" ? events.open() : undefined);
    await using browser = await launch();
    const { page, complaints } = await open(browser, proxy.url);
    page.setDefaultTimeout(60_000);
    const cdp = await page.context().newCDPSession(page);
    const show = (panel: string) => page.getByRole("link", { name: panel, exact: true }).click();
    await page.goto(proxy.url);
    await show("Log");
    await page.getByText("0 of 0 lines", { exact: true }).waitFor();

    const sizes: Size[] = [];
    for (let hour = 0; hour < HOURS; hour++) {
      // The panels take turns: what is hidden must let go of everything, and what is shown must not pile up.
      await show(hour % 2 === 0 ? "Watch" : "Log");
      const last = events.sendHour();
      await show("Log");
      await page.locator(".tail li", { hasText: last }).waitFor();
      await page.getByText("2,000 of 2,000 lines", { exact: true }).waitFor();
      await show("Watch");
      await page.locator(".events li", { hasText: "SIGKILL" }).first().waitFor();
      sizes.push(await sizeOf(cdp));
    }
    const [first, last] = [sizes[0]!, sizes.at(-1)!];
    for (const [name, most] of Object.entries(MAX_GROWTH) as [keyof Size, number][]) {
      assert.ok(last[name] - first[name] <= most, `${name} after each hour: ${sizes.map((size) => size[name])}`);
    }
    assert.deepEqual(complaints, []);
    events.end();
    await server.stop();
  },
});

/** What a page has in memory after its garbage is collected: bytes of its heap, nodes also outside of its document, and listeners. */
interface Size {
  readonly heap: number;
  readonly nodes: number;
  readonly listeners: number;
}

async function sizeOf(cdp: CDPSession): Promise<Size> {
  // Finalizers of the first collection make garbage for the second.
  for (let count = 0; count < 2; count++) await cdp.send("HeapProfiler.collectGarbage");
  const { usedSize } = await cdp.send("Runtime.getHeapUsage");
  const { nodes, jsEventListeners } = await cdp.send("Memory.getDOMCounters");
  return { heap: usedSize, nodes, listeners: jsEventListeners };
}
