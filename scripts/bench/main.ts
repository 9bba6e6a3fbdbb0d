/** Runs a benchmark by its name: `scripts/deno task bench -- startup`. */

import { build } from "../build.ts";
import { hostTarget } from "../build/targets.ts";
import { ROOT } from "../project.ts";
import { startup } from "./startup.ts";

const BENCHMARKS: Readonly<Record<string, () => Promise<void>>> = { startup };

const [name = "", ...rest] = Deno.args.filter((word) => word !== "--");
const benchmark = Object.hasOwn(BENCHMARKS, name) ? BENCHMARKS[name] : undefined;
if (benchmark === undefined || rest.length > 0) {
  console.error(`Usage: scripts/deno task bench -- NAME\n\nNAME is one of ${Object.keys(BENCHMARKS).join(", ")}.`);
  Deno.exit(2);
}
try {
  await build(ROOT, [{ target: hostTarget(), file: "aimodellib" }]);
  await benchmark();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exit(1);
}
