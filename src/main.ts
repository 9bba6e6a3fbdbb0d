/** The executable's entry. */

import { processIo } from "./cli/output.ts";
import { run } from "./cli/run.ts";

Deno.exit(await run(Deno.args, processIo()));
