/** Checks sources and runs unit tests on a newer Deno than the pinned one, to find early what an upgrade would break. */

import { type Outcome, run } from "../build/process.ts";
import { type Count, ONE, sum } from "./count.ts";
import type { DenoSuite } from "./deno_suite.ts";
import { runSuite, skipSuite, type SuiteProgram } from "./suite.ts";

/** The newer version. */
const NEWEST = "2.9.8";

const ENV = { DENO_VERSION: NEWEST };

/** The program that runs the version that `DENO_VERSION` names. */
const denoOf = (root: string) => `${root}/scripts/deno`;

/** Downloads that version, once. The outcome is a failure if it can't be downloaded. @param root the project's root */
export function getNewest(root: string): Promise<Outcome> {
  const got = run(denoOf(root), ["--version"], { env: ENV });
  // A failure to start it is reported where it is awaited.
  got.catch(() => {});
  return got;
}

/**
 * Checks the types of all sources, if that version could be downloaded.
 *
 * @param root the project's root
 * @param niceness how much the check gives way to other processes
 * @throws {Error} if a program can't be started
 */
export async function checkOnNewest(root: string, got: Promise<Outcome>, niceness: number): Promise<Count> {
  const name = `types on Deno ${NEWEST}`;
  const { success: isThere, output: reason } = await got;
  if (!isThere) return skipSuite(name, `This version can't be downloaded. ${reason}`);
  const args = ["-n", String(niceness), denoOf(root), "check", "--quiet", "src", "scripts", "tests"];
  const { success, output } = await run("nice", args, { cwd: root, env: ENV });
  console.log(`\n== ${name}\n${success ? "ok" : `FAILED\n${output}`}`);
  return success ? ONE.passed : ONE.failed;
}

/**
 * Runs the unit tests, if that version could be downloaded.
 *
 * @param root the project's root
 * @param suites returns the runs of the unit tests under a given name
 * @param alone gets the run of those that run one at a time
 * @throws {Error} if a program can't be started
 */
export async function runOnNewest(
  root: string,
  got: Promise<Outcome>,
  suites: (name: string) => readonly DenoSuite[],
  alone: SuiteProgram[],
): Promise<Count> {
  const name = `unit on Deno ${NEWEST}`;
  const { success, output } = await got;
  if (!success) return skipSuite(name, `This version can't be downloaded. ${output}`);
  const counts: Count[] = [];
  for (const suite of suites(name)) {
    const program = { ...suite, command: denoOf(root), env: { ...suite.env, ...ENV } };
    if (suite.isAlone) alone.push(program);
    else counts.push(await runSuite(program));
  }
  return sum(counts);
}
