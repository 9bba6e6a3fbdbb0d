/** Runs the program of a test suite, shows its output, and counts the tests in its report. */
import { type Count, countJunit, ONE, slowestFiles, sum } from "./count.ts";

/** The time limit of a suite, in ms. It ends a suite that hangs. */
const TIME_LIMIT = 25 * 60_000;

/** How many of the slowest files are listed. */
const LISTED = 10;

/** A program that runs tests and writes a report in JUnit's format. */
export interface SuiteProgram {
  /** Its name in messages. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Its working directory. */
  readonly cwd: string;
  /** Set in addition to the variables of this process. */
  readonly env: Record<string, string>;
  /** The path of its report. */
  readonly report: string;
  /** Shows the output at the end, as for a suite that runs beside another one. @default false */
  readonly gathersOutput?: boolean;
}

/**
 * Runs the suite.
 *
 * @returns the counts of its report, with an additional failure if the program did not finish, or failed for a reason that the report lacks
 * @throws {Error} if the program can't be started
 */
export async function runSuite(suite: SuiteProgram): Promise<Count> {
  const { name, command, args, cwd, env, report, gathersOutput = false } = suite;
  const title = `\n== ${name}`;
  if (!gathersOutput) console.log(title);
  removeIfThere(report);
  const began = secondsOfRun();
  const output = gathersOutput ? "piped" : "inherit";
  const child = new Deno.Command(command, {
    args: [...args],
    cwd,
    env,
    stdin: "null",
    stdout: output,
    stderr: output,
    signal: AbortSignal.timeout(TIME_LIMIT),
  }).spawn();
  const { success, code, signal } = gathersOutput ? await gathered(child, title) : await child.status;
  console.log(`${name} ran from ${began} s to ${secondsOfRun()} s of all tests.`);
  const xml = readReport(report);
  const count = xml === undefined ? undefined : countJunit(xml);
  if (xml !== undefined) console.log(["The slowest files:", ...slowestFiles(xml, LISTED)].join("\n"));
  if (count === undefined || !success && count.failed === 0) {
    const end = signal === null ? `exit code ${code}` : `signal ${signal}`;
    console.log(`FAILED   ${name} did not run to its end (${end}); see above.`);
    return sum([count ?? sum([]), ONE.failed]);
  }
  return count;
}

/** The whole seconds since this process started. The output shows with them which suites ran at the same time. */
function secondsOfRun(): string {
  return (performance.now() / 1000).toFixed(0);
}

/** The same suite as a process that gives way to others. It shows its output at the end. @param niceness as for nice(1), 1 to 19 */
export function givingWay(suite: SuiteProgram, niceness: number): SuiteProgram {
  const args = ["-n", String(niceness), suite.command, ...suite.args];
  return { ...suite, command: "nice", args, gathersOutput: true };
}

/** Counts a suite that this machine can't run as a skipped test. @param reason what is missing */
export function skipSuite(name: string, reason: string): Count {
  console.log(`\n== ${name}\nskipped: ${reason}`);
  return ONE.skipped;
}

/** Waits until a program has ended, and shows its output. */
async function gathered(child: Deno.ChildProcess, title: string): Promise<Deno.CommandStatus> {
  const { stdout, stderr, ...status } = await child.output();
  const text = new TextDecoder();
  console.log(`${title}\n${text.decode(stdout)}${text.decode(stderr)}`);
  return status;
}

function readReport(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
