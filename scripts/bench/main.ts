/** Runs a benchmark by its name: `scripts/deno task bench -- peers echo`. */

import { build } from "../build.ts";
import { hostTarget } from "../build/targets.ts";
import { ROOT } from "../project.ts";
import { http } from "./http.ts";
import { compare } from "./compare.ts";
import { options } from "./options.ts";
import { peers } from "./peers.ts";
import { soak } from "./soak.ts";
import { startup } from "./startup.ts";
import { stress } from "./stress.ts";
import { workers } from "./workers.ts";
import { messageOf } from "../../src/errors.ts";

const BENCHMARKS: Readonly<Record<string, (words: readonly string[]) => Promise<void>>> = {
  compare,
  http,
  options,
  peers,
  soak,
  startup,
  stress,
  workers,
};

const USAGE = `Usage: scripts/deno task bench [-- NAME]

  peers [WORK]...   requests per second, latency and memory, compared with other servers; WORK is echo, bytes or batch
  options           what options of serve cost: requests per second, and CPU time per request in the HTTP process, with a token,
                    an access log, an access log in JSON, TLS, and all of them
  http              CPU time per request in the HTTP process: 20 bytes, 64 KiB, 1 MiB, an answer in 10 parts
  workers [N]...    requests per second by the number of workers, beside what the CPU time per request predicts
  startup           the time to print help, and to the first answer
  compare OLD NEW [WORK]...
                    ratios of two executables, with 95 % intervals: requests per second and CPU time per request; WORK is echo
                    (32 connections), which is the default, or bytes (1 MiB)
  soak [MINUTES]    ten minutes of load while workers are killed, code is reloaded, and clients disconnect, stall and send expensive bodies
  stress [MINUTES] [MODE]...
                    five minutes of load in each mode (serial, threads, async, batch, parts) while the server is stopped at random;
                    fails if an answer belongs to another request, or a request is executed twice

Without a NAME, peers and then options.
`;

const DEFAULT = ["peers", "options"];

const [name, ...words] = Deno.args.filter((word) => word !== "--");
const names = name === undefined ? DEFAULT : [name];
if (!names.every((name) => Object.hasOwn(BENCHMARKS, name))) {
  console.error(`There is no benchmark '${name}'.\n\n${USAGE}`);
  Deno.exit(2);
}
try {
  if (name !== "compare") await build(ROOT, [{ target: hostTarget(), file: "aimodellib" }]);
  for (const name of names) await BENCHMARKS[name]!(words);
} catch (error) {
  console.error(messageOf(error));
  Deno.exit(1);
}
