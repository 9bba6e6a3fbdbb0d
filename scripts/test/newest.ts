/** Checks sources and runs unit tests on a newer Deno than the pinned one, to find early what an upgrade would break. */

import { run } from "../build/process.ts";
import { type Count, ONE, sum } from "./count.ts";
import type { DenoSuite } from "./deno_suite.ts";
import { runSuite } from "./suite.ts";

/** The newer version. */
const NEWEST = "2.9.8";

/**
 * Checks the types of all sources and runs the tests, if that version can be downloaded.
 *
 * @param root the project's root
 * @param suites returns the runs of the unit tests under a given name
 * @throws {Error} if a program can't be started
 */
export async function runOnNewest(root: string, suites: (name: string) => readonly DenoSuite[]): Promise<Count> {
  const deno = `${root}/scripts/deno`;
  const env = { DENO_VERSION: NEWEST };
  console.log(`\n== types on Deno ${NEWEST}`);
  const got = await run(deno, ["--version"], { env });
  if (!got.success) {
    console.log(`skipped, as are the unit tests: this version can't be downloaded. ${got.output}`);
    return ONE.skipped;
  }
  const { success, output } = await run(deno, ["check", "--quiet", "src", "scripts", "tests"], { cwd: root, env });
  console.log(success ? "ok" : `FAILED\n${output}`);
  const counts: Count[] = [success ? ONE.passed : ONE.failed];
  for (const suite of suites(`unit on Deno ${NEWEST}`)) {
    counts.push(await runSuite({ ...suite, command: deno, env: { ...suite.env, ...env } }));
  }
  return sum(counts);
}
