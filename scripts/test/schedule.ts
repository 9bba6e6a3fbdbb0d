/**
 * Decides which suites run at the same time, with the aim that no processor waits: tests that wait for other programs, and calculations,
 * run beside the others.
 */

import { ROOT } from "../project.ts";
import { type Count, sum } from "./count.ts";
import { type DenoSuiteOptions, denoSuites } from "./deno_suite.ts";
import { runGpu } from "./gpu_suite.ts";
import { checkOnNewest, getNewest, runOnNewest } from "./newest.ts";
import type { Suite } from "./options.ts";
import { pytestSuites } from "./python_suite.ts";
import { runRay } from "./ray_suite.ts";
import { givingWay, runSuite, type SuiteProgram } from "./suite.ts";

const REPORTS = `${ROOT}/.cache/test-reports`;

/** The Python with PyTorch for CUDA, which is too large to install for a test. */
const GPU_PYTHON = Deno.env.get("AIMODELLIB_TEST_GPU_PYTHON") ?? "python3";

/** Suites that run one after the other beside those of the executable. The first one waits for its daemons most of the time. */
const BESIDE: readonly Suite[] = ["slurm", "integration", "differential"];

/**
 * The niceness of calculations: they take little but what the others leave of the processors. With 19, they could still be at their
 * beginning when all others have ended.
 */
const CALCULATING = 10;
/** The niceness of pytest beside tests that run one at a time. Its tests have time limits, and must not wait for long. */
const NICE = 5;

/** What the suites need. */
export interface Prepared {
  /** Environment variables of their programs. */
  readonly env: Record<string, string>;
  /** The interpreter of the environment for tests. */
  readonly python: string;
  /** That of the environment with validators and clients. */
  readonly tools: Promise<string>;
  /** That of the environment with Ray. */
  readonly ray: Promise<string>;
  /** Only tests whose name has this text are run. */
  readonly filter: string | undefined;
  /** Whether another step checks the types of all files. */
  readonly typesAreChecked: boolean;
}

/** Whether the tests of a suite use validators and clients. */
export function usesTools(suite: Suite): boolean {
  return suite === "e2e" || suite === "differential";
}

/**
 * Runs suites.
 *
 * @param counts gets the count of each suite, also of those before an error
 * @throws {Error} if a program can't be started, after those that run have ended
 */
export async function runSuites(suites: readonly Suite[], prepared: Prepared, counts: Count[]): Promise<void> {
  Deno.mkdirSync(REPORTS, { recursive: true });
  const beside: Promise<Count>[] = [];
  try {
    await runInTurn(suites, prepared, counts, beside);
  } finally {
    for (const run of await Promise.allSettled(beside)) if (run.status === "fulfilled") counts.push(run.value);
  }
  // The first one that could not be started.
  await Promise.all(beside);
}

/** Runs suites in turn. @param beside gets the runs beside them, which may still go on at the end */
async function runInTurn(
  suites: readonly Suite[],
  prepared: Prepared,
  counts: Count[],
  beside: Promise<Count>[],
): Promise<void> {
  const alone: SuiteProgram[] = [];
  const has = (suite: Suite) => suites.includes(suite);
  const gathersOutput = suites.length > 1;
  // The caller reports a failure to start one of them.
  const start = (run: Promise<Count>) => {
    run.catch(() => {});
    beside.push(run);
    return run;
  };
  if (has("unit")) {
    const newest = getNewest(ROOT);
    start(checkOnNewest(ROOT, newest, CALCULATING));
    start(searchModel(prepared));
    counts.push(...await runDirectory("unit", prepared, alone, false));
    const options = { ...optionsOf(prepared), typesAreChecked: true };
    counts.push(await runOnNewest(ROOT, newest, (name) => denoSuites(name, ["unit"], options), alone));
  }
  const waiting = [start(runBeside(BESIDE.filter(has), prepared, alone, gathersOutput))];
  if (has("ray")) {
    waiting.push(start(runRay({ ...pytestOptions(prepared, "ray"), python: prepared.ray, gathersOutput })));
  }
  if (has("e2e")) counts.push(...await runDirectory("e2e", prepared, alone, false));
  await Promise.allSettled(waiting);
  // Nothing else runs now but calculations.
  counts.push(...await runAlone(alone, has("python") ? pytestSuites(ROOT, REPORTS, prepared) : []));
  if (!has("gpu")) return;
  await Promise.allSettled(beside);
  counts.push(await runGpu({ ...pytestOptions(prepared, "gpu"), python: GPU_PYTHON }));
}

/** Searches the model of the protocol. That is a calculation, so the newer Deno does not repeat it. */
async function searchModel(prepared: Prepared): Promise<Count> {
  const runs = denoSuites("model", ["model"], optionsOf(prepared));
  return sum(
    await Promise.all(runs.map((run) => runSuite(givingWay({ ...run, command: Deno.execPath() }, CALCULATING)))),
  );
}

async function runBeside(
  suites: readonly Suite[],
  prepared: Prepared,
  alone: SuiteProgram[],
  gathersOutput: boolean,
): Promise<Count> {
  const counts: Count[] = [];
  for (const suite of suites) counts.push(...await runDirectory(suite, prepared, alone, gathersOutput));
  return sum(counts);
}

/**
 * Runs the suite of a folder in `tests/` on Deno.
 *
 * @param alone gets the run of its tests that run one at a time
 * @param gathersOutput shows the output at the end
 */
async function runDirectory(
  suite: Suite,
  prepared: Prepared,
  alone: SuiteProgram[],
  gathersOutput: boolean,
): Promise<Count[]> {
  const counts: Count[] = [];
  const tools = usesTools(suite) ? { AIMODELLIB_TEST_TOOLS: (await prepared.tools).replace(/\/python$/, "") } : {};
  for (const run of denoSuites(suite, [suite], optionsOf(prepared))) {
    const program = { ...run, env: { ...run.env, ...tools }, command: Deno.execPath() };
    if (run.isAlone) alone.push(program);
    else counts.push(await runSuite({ ...program, gathersOutput }));
  }
  return counts;
}

/** Runs tests one at a time. They leave processors idle, which pytest uses beside them: as a nicer process, it hardly delays them. */
async function runAlone(alone: readonly SuiteProgram[], python: readonly SuiteProgram[]): Promise<Count[]> {
  const counts: Count[] = [];
  // The last run of pytest shows its output at once if no other suite does.
  const shown = alone.length === 0 ? python.at(-1) : undefined;
  const beside = Promise.all(python.map((run) => runSuite(run === shown ? run : givingWay(run, NICE))));
  // A failure to start it is reported below.
  beside.catch(() => {});
  for (const run of alone) counts.push(await runSuite(run));
  return [...counts, ...await beside];
}

/** What the suites with a Python of their own have in common. */
function pytestOptions({ env, filter }: Prepared, suite: "ray" | "gpu") {
  return { root: ROOT, env, report: `${REPORTS}/${suite}.xml`, filter };
}

function optionsOf({ env, filter, typesAreChecked }: Prepared): DenoSuiteOptions {
  return { root: ROOT, reports: REPORTS, filter, env, typesAreChecked };
}
