/** The suites that `deno test` runs: files beside each other, but for those that need the process for themselves. */

import type { SuiteProgram } from "./suite.ts";

/**
 * The end of the names of files that run one after the other, behind all others: their tests change what belongs to the whole process,
 * such as its working directory; count its file descriptors; or put load on the machine and look at what becomes of it.
 */
const ALONE = "_alone_test.ts";

/** Files that run at once: tests wait for processes most of the time. */
const JOBS = navigator.hardwareConcurrency + 1;

/** What a suite is run with, apart from the program that runs it. */
export type DenoSuite = Omit<SuiteProgram, "command">;

/** What suites have in common. */
export interface DenoSuiteOptions {
  /** The project's root. */
  readonly root: string;
  /** The folder of reports. */
  readonly reports: string;
  /** Only tests with this in their name. */
  readonly filter: string | undefined;
  readonly env: Record<string, string>;
  /** Whether another step checks the types of all files, which takes longer than many a suite. */
  readonly typesAreChecked: boolean;
}

/**
 * The runs of `deno test` that a suite is made of.
 *
 * @param suite a folder in `tests/`
 * @param name what messages and reports call the suite
 */
export function denoSuites(
  suite: string,
  { root, reports, filter, env, typesAreChecked }: DenoSuiteOptions,
  name: string = suite,
): readonly DenoSuite[] {
  const files = [...testFiles(root, `tests/${suite}`)].sort();
  const run = (name: string, files: readonly string[], ...options: string[]): DenoSuite => {
    const report = `${reports}/${name.replaceAll(" ", "-")}.xml`;
    // deno-fmt-ignore
    const args = [
      "test", "--quiet", "--allow-all", ...(Deno.env.has("CI") ? ["--frozen"] : []), `--junit-path=${report}`, ...options,
      ...(typesAreChecked ? ["--no-check"] : []), ...(filter === undefined ? [] : ["--filter", filter]), ...files,
    ];
    return { name, cwd: root, env: { DENO_JOBS: String(JOBS), ...env }, report, args };
  };
  return [
    run(name, files.filter((file) => !file.endsWith(ALONE)), "--parallel"),
    run(`${name}, alone`, files.filter((file) => file.endsWith(ALONE))),
  ].filter(({ args }) => args.at(-1)?.startsWith("tests/"));
}

function* testFiles(root: string, folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(`${root}/${folder}`)) {
    if (isDirectory) yield* testFiles(root, `${folder}/${name}`);
    else if (/_test\.tsx?$/.test(name)) yield `${folder}/${name}`;
  }
}
