/** The executable's entry. */

import { processIo } from "./cli/terminal/process_io.ts";
import { run } from "./cli/program.ts";
import { followTerminal } from "./bridge/job_control.ts";
import { reapOrphans } from "./orphans.ts";

const io = processIo();
followTerminal();

// In a container without an init. It goes on until the end.
if (Deno.pid === 1) reapOrphans();
Deno.exit(await run(Deno.args, io));
