/** Checks sources and runs unit tests on a newer Deno than the pinned one, to find early what an upgrade would break. */

import { run } from "../build/process.ts";
import { type Count, ONE, sum } from "./count.ts";
import type { DenoSuite } from "./deno_suite.ts";
import { runSuite, skipSuite, type SuiteProgram } from "./suite.ts";

/** The newer version. */
const NEWEST = "2.9.8";

/**
 * Checks the types of all sources and runs the tests, if that version can be downloaded.
 *
 * @param root the project's root
 * @param suites returns the runs of the unit tests under a given name
 * @param later takes the run of those that run one at a time
 * @throws {Error} if a program can't be started
 */
export async function runOnNewest(
  root: string,
  suites: (name: string) => readonly DenoSuite[],
  later: (suite: SuiteProgram) => void,
): Promise<Count> {
  const deno = `${root}/scripts/deno`;
  const env = { DENO_VERSION: NEWEST };
  const types = `types on Deno ${NEWEST}`;
  const got = await run(deno, ["--version"], { env });
  if (!got.success) {
    return skipSuite(types, `This version can't be downloaded, so the unit tests are skipped as well. ${got.output}`);
  }
  // The check uses one processor, so the tests run beside it.
  const checking = run(deno, ["check", "--quiet", "src", "scripts", "tests"], { cwd: root, env });
  checking.catch(() => {});
  const counts: Count[] = [];
  for (const suite of suites(`unit on Deno ${NEWEST}`)) {
    const program = { ...suite, command: deno, env: { ...suite.env, ...env } };
    if (suite.isAlone) later(program);
    else counts.push(await runSuite(program));
  }
  const { success, output } = await checking;
  console.log(`\n== ${types}\n${success ? "ok" : `FAILED\n${output}`}`);
  counts.push(success ? ONE.passed : ONE.failed);
  return sum(counts);
}
