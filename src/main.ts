/** The entry point of the executable. */

import { processIo } from "./cli/terminal/process_io.ts";
import { deferSegmenters } from "./cli/terminal/segmenter.ts";
import { run } from "./cli/program.ts";
import { followTerminal } from "./bridge/job_control.ts";
import { reapOrphans } from "./orphans.ts";

const io = processIo();
deferSegmenters();
followTerminal();

// In a container without an init, this process must reap orphans as long as it runs.
if (Deno.pid === 1) reapOrphans();
Deno.exit(await run(Deno.args, io));
