/** A process that lays out the Python files in the cache named by its argument, and prints where. It waits for the test's signal. */

import { layOutAssets } from "../../../src/bridge/assets.ts";

const [cache] = Deno.args;
Deno.stdout.writeSync(new TextEncoder().encode("ready\n"));
// The end of standard input is the signal, which reaches several processes at once.
Deno.stdin.readSync(new Uint8Array(1));
const { root } = await layOutAssets((name) => name === "AIMODELLIB_CACHE_DIR" ? cache : undefined, true);
Deno.stdout.writeSync(new TextEncoder().encode(root));
