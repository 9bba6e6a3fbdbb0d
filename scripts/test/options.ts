/** The command line of the tests. */

/** The suites. `schedule.ts` decides in which order they run. */
export const SUITES = ["ok", "unit", "python", "integration", "slurm", "ray", "e2e", "differential", "gpu"] as const;

/** The name of a suite. */
export type Suite = typeof SUITES[number];

/** The suites and tests to run. */
export interface TestOptions {
  readonly suites: readonly Suite[];
  /** Only tests whose name has this text are run. */
  readonly filter?: string;
}

/** What `--help` prints. */
export const USAGE = `Usage: scripts/deno task test [--only SUITE]... [--filter WORD]

Runs all suites, or the named ones: ${SUITES.join(", ")}.
--filter runs only tests with WORD in their name; it does not affect the steps of ok.
`;

/**
 * Reads the command line.
 *
 * @returns what to run; undefined if help was requested
 * @throws {RangeError} if the command line is invalid
 */
export function parseOptions(args: readonly string[]): TestOptions | undefined {
  const suites = new Set<Suite>();
  let filter: string | undefined;
  const words = args[0] === "--" ? args.slice(1) : [...args];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === "--help" || word === "-h") return undefined;
    const [option, inline] = word.split(/=(.*)/s, 2);
    if (option !== "--only" && option !== "--filter") throw new RangeError(`There is no option '${word}'.\n\n${USAGE}`);
    const value = inline ?? words.shift();
    if (!value) throw new RangeError(`Option ${option} needs a value.\n\n${USAGE}`);
    if (option === "--filter") filter = value;
    else for (const name of value.split(",")) suites.add(suiteNamed(name));
  }
  return {
    suites: SUITES.filter((suite) => suites.size === 0 || suites.has(suite)),
    ...(filter !== undefined && { filter }),
  };
}

function suiteNamed(name: string): Suite {
  const found = SUITES.find((suite) => suite === name);
  if (found !== undefined) return found;
  throw new RangeError(`There is no suite '${name}': use one of ${SUITES.join(", ")}.`);
}
