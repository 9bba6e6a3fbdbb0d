/** The tests in `tests/python`. */

import type { SuiteProgram } from "./suite.ts";

/**
 * The files whose tests run type checkers. One process runs them, so that each check finds in mypy's cache what the one before it has
 * found out about the standard library.
 */
const CHECKERS: readonly string[] = ["test_install.py", "test_static.py", "test_templates.py"];

/** What the suite needs. */
export interface PythonOptions {
  readonly env: Record<string, string>;
  /** The interpreter of the environment for tests. */
  readonly python: string;
  /** Only tests whose name has this text are run. */
  readonly filter: string | undefined;
}

/**
 * Lists the runs of pytest, which may run at the same time.
 *
 * @param root the project's root
 * @param reports the folder of reports
 */
export function pytestSuites(
  root: string,
  reports: string,
  { env, python, filter }: PythonOptions,
): readonly SuiteProgram[] {
  const folder = "tests/python";
  const suite = (name: string, ...more: readonly string[]): SuiteProgram => {
    const report = `${reports}/${name.replaceAll(/\W+/g, "-")}.xml`;
    const args = ["-m", "pytest", "-q", "-p", "no:cacheprovider", `--junit-xml=${report}`, ...more];
    return { name, cwd: root, env, report, command: python, args };
  };
  // pytest fails if it selects no test, as it would in one of two runs.
  if (filter !== undefined) return [suite("python", "-n", "auto", "-k", filter, folder)];
  const checkers = CHECKERS.map((name) => `${folder}/${name}`);
  return [
    suite("python, checkers", ...checkers),
    suite("python", "-n", "auto", ...checkers.map((file) => `--ignore=${file}`), folder),
  ];
}
