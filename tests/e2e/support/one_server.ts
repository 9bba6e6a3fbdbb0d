/** Tests that only send requests to a server: they share one, since starting and stopping a server takes longer than most of them. */

import type { Need } from "./needs.ts";
import { define, Sandbox } from "./sandbox.ts";
import type { Server } from "./server.ts";

/** Defines a test that sends requests to the shared server. */
export type SharingTest = (
  name: string,
  body: (server: Server, box: Sandbox) => Promise<void>,
  ...needs: readonly Need[]
) => void;

/**
 * Returns a function that defines tests which share a server. The first of them starts it. The last one stops it, and checks that it ends
 * with 0 and leaves nothing behind. Define these tests one after the other: otherwise a test between them may fail because the server prints
 * something meanwhile.
 */
export function onOneServer(start: (box: Sandbox) => Promise<Server>): SharingTest {
  let serving: Promise<{ readonly box: Sandbox; readonly server: Server }> | undefined;
  let defined = 0;
  let ended = 0;
  const begin = async () => {
    const box = new Sandbox();
    try {
      return { box, server: await start(box) };
    } catch (error) {
      await box[Symbol.asyncDispose]();
      throw error;
    }
  };
  const stop = async () => {
    // If the server did not start, the tests have already failed with the reason.
    const served = await serving?.catch(() => undefined);
    serving = undefined;
    if (served === undefined) return;
    await using box = served.box;
    await served.server.stop();
    await box.assertClean();
  };
  // The last test does not run if it is filtered out or skipped.
  Deno.test.afterAll(stop);
  return (name, body, ...needs) => {
    defined++;
    const fn = async () => {
      try {
        const { server, box } = await (serving ??= begin());
        await body(server, box);
      } finally {
        ended++;
        if (ended === defined) await stop();
      }
    };
    define(name, needs, fn, { sanitizeOps: false, sanitizeResources: false });
  };
}

/** Has a shared server replace its workers: a test then gets one in which no other test has executed anything. */
export async function replaceWorkers(server: Server): Promise<void> {
  const { status, text } = await server.request("/admin/reload", { method: "POST" });
  if (status !== 200) throw new Error(`The workers were not replaced: ${text}`);
}
