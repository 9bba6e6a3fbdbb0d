/** Runs all tests, and prints how many passed: `scripts/deno task test`. See `test/options.ts` for the command line. */

import { build } from "./build.ts";
import { hostTarget } from "./build/targets.ts";
import { ok } from "./ok.ts";
import { ROOT } from "./project.ts";
import { type Count, ONE, sum } from "./test/count.ts";
import { type DenoSuiteOptions, denoSuites } from "./test/deno_suite.ts";
import { runGpu } from "./test/gpu_suite.ts";
import { runOnNewest } from "./test/newest.ts";
import { installPackages } from "./test/packages.ts";
import { parseOptions, type Suite, type TestOptions, USAGE } from "./test/options.ts";
import { type RayOptions, runRay } from "./test/ray_suite.ts";
import { runSuite, type SuiteProgram } from "./test/suite.ts";
import { makeWarmCache } from "./test/warm_cache.ts";
import { makeVenv, type VenvOptions } from "./venv.ts";
import { messageOf } from "../src/errors.ts";

const REPORTS = `${ROOT}/.cache/test-reports`;

/** The Python with PyTorch for CUDA, which is too large to install for a test. */
const GPU_PYTHON = Deno.env.get("AIMODELLIB_TEST_GPU_PYTHON") ?? "python3";

/**
 * The environment in which models run has pip, which some tests use. The modules take long to compile: the first test that imports one
 * could exceed its time limit.
 */
const WITH_PIP: VenvOptions = {
  pip: true,
  compiled: ["torch", "sklearn.ensemble", "pandas", "pyarrow.parquet", "tensorboard.main"],
};

/** What all suites need. */
interface Prepared {
  /** Environment variables of their programs. */
  readonly env: Record<string, string>;
  /** The interpreter of the environment for tests. */
  readonly python: string;
  /** That of the environment with validators and clients. */
  readonly tools: Promise<string>;
  readonly options: TestOptions;
}

/** Suites whose tests wait for other programs most of the time. The next suites run beside them. */
const WAITING: readonly Suite[] = ["slurm", "ray"];

async function main(options: TestOptions): Promise<Count> {
  const counts: Count[] = [];
  await installPackages();
  const suites = options.suites.filter((suite) => suite !== "ok");
  // Most of making an environment is waiting for downloads, so other work goes on beside it.
  const python = suites.length === 0 ? undefined : makeTestVenv("test-venv", "requirements.txt", WITH_PIP);
  const tools = suites.some(usesTools) ? makeTestVenv("tools-venv", "tools.txt") : Promise.resolve("");
  // Hundreds of megabytes, which other suites need not wait for.
  const ray = suites.includes("ray")
    ? makeTestVenv("ray-venv", "ray/requirements.txt", { pip: true })
    : Promise.resolve("");
  // A failure is reported where the environments are needed.
  python?.catch(() => {});
  tools.catch(() => {});
  ray.catch(() => {});
  if (options.suites.includes("ok")) {
    console.log("== ok");
    counts.push(...(await ok(ROOT)).map(({ state }) => ONE[state]));
  }
  if (python === undefined) return sum(counts);
  try {
    const prepared = { ...await prepare(options, python), tools };
    const alone: SuiteProgram[] = [];
    const waiting: Promise<Count>[] = [];
    for (const [index, suite] of suites.entries()) {
      const beside = WAITING.includes(suite);
      const gathersOutput = beside && index < suites.length - 1;
      const run = suite === "ray"
        ? runRay({ ...pytestOptions(prepared, "ray"), python: ray, gathersOutput })
        : runDirectory(suite, prepared, (run) => alone.push(run), gathersOutput);
      // A failure to start it is reported where it is awaited.
      run.catch(() => {});
      if (beside) waiting.push(run);
      else counts.push(await run);
    }
    // Tests that run one at a time begin when nothing else runs.
    counts.push(...await Promise.all(waiting));
    counts.push(...await runBesideOthers(alone, suites.includes("python") ? pytest(prepared) : undefined));
    if (suites.includes("gpu")) counts.push(await runGpu({ ...pytestOptions(prepared, "gpu"), python: GPU_PYTHON }));
  } catch (error) {
    console.log(`FAILED   ${messageOf(error)}`);
    counts.push(ONE.failed);
  }
  return sum(counts);
}

/** Whether the tests of a suite use validators and clients. */
function usesTools(suite: Suite): boolean {
  return suite === "e2e" || suite === "differential";
}

function makeTestVenv(name: string, list: string, options?: VenvOptions): Promise<string> {
  return makeVenv(`${ROOT}/.cache/${name}`, Deno.readTextFileSync(`${ROOT}/tests/${list}`), options);
}

async function prepare(options: TestOptions, venv: Promise<string>): Promise<Omit<Prepared, "tools">> {
  Deno.mkdirSync(REPORTS, { recursive: true });
  await build(ROOT, [{ target: hostTarget(), file: "aimodellib" }]);
  const python = await venv;
  const [executable, cache] = [`${ROOT}/dist/aimodellib`, `${ROOT}/.cache/test-cache`];
  if (options.suites.includes("e2e")) await makeWarmCache(cache, executable, python);
  const env: Record<string, string> = {
    AIMODELLIB_TEST_BIN: executable,
    AIMODELLIB_TEST_PYTHON: python,
    AIMODELLIB_TEST_CACHE: cache,
    // Without a cache of bytecode, each of thousands of workers would compile its modules.
    PYTHONDONTWRITEBYTECODE: "",
  };
  return { env, python, options };
}

/**
 * Runs the suite of a folder in `tests/` on Deno; the unit tests have a second folder.
 *
 * @param later takes the run of tests that run one at a time
 * @param gathersOutput shows the output at the end
 */
async function runDirectory(
  suite: Suite,
  prepared: Prepared,
  later: (run: SuiteProgram) => void,
  gathersOutput: boolean,
): Promise<Count> {
  if (suite === "python" || suite === "gpu") return sum([]);
  const counts: Count[] = [];
  // The search of the model is a calculation, so the newer Deno does not repeat it.
  const folders = suite === "unit" ? ["unit", "model"] : [suite];
  const tools = usesTools(suite) ? { AIMODELLIB_TEST_TOOLS: (await prepared.tools).replace(/\/python$/, "") } : {};
  for (const run of denoSuites(suite, folders, optionsOf(prepared))) {
    const program = { ...run, env: { ...run.env, ...tools }, command: Deno.execPath(), gathersOutput };
    if (run.isAlone) later(program);
    else counts.push(await runSuite(program));
  }
  if (suite === "unit") {
    const suites = (name: string) => denoSuites(name, [suite], { ...optionsOf(prepared), typesAreChecked: true });
    counts.push(await runOnNewest(ROOT, suites, later));
  }
  return sum(counts);
}

/**
 * Runs tests one at a time. They leave processors idle, which pytest uses beside them: as a nicer process, it hardly delays them.
 *
 * @param python the run of pytest, if any
 */
async function runBesideOthers(alone: readonly SuiteProgram[], python: SuiteProgram | undefined): Promise<Count[]> {
  const counts: Count[] = [];
  const nice = {
    command: "nice",
    args: ["-n", "5", python?.command ?? "", ...python?.args ?? []],
    gathersOutput: true,
  };
  const beside = python && (alone.length === 0 ? runSuite(python) : runSuite({ ...python, ...nice }));
  // A failure to start it is reported below.
  beside?.catch(() => {});
  for (const run of alone) counts.push(await runSuite(run));
  if (beside !== undefined) counts.push(await beside);
  return counts;
}

/** The run of the tests in `tests/python`. */
function pytest({ env, python, options: { filter } }: Prepared): SuiteProgram {
  const report = `${REPORTS}/python.xml`;
  const select = filter === undefined ? [] : ["-k", filter];
  // deno-fmt-ignore
  const args = [
    "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "auto", `--junit-xml=${report}`, ...select, "tests/python",
  ];
  return { name: "python", cwd: ROOT, env, report, command: python, args };
}

/** What the suites with a Python of their own have in common. */
function pytestOptions(
  { env, options: { filter } }: Prepared,
  suite: "ray" | "gpu",
): Omit<RayOptions, "python" | "gathersOutput"> {
  return { root: ROOT, env, report: `${REPORTS}/${suite}.xml`, filter };
}

function optionsOf({ env, options: { filter, suites } }: Prepared): DenoSuiteOptions {
  return { root: ROOT, reports: REPORTS, filter, env, typesAreChecked: suites.includes("ok") };
}

if (import.meta.main) {
  try {
    const options = parseOptions(Deno.args);
    if (options === undefined) {
      console.log(USAGE);
      Deno.exit(0);
    }
    const { passed, failed, skipped } = await main(options);
    console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
    Deno.exit(failed === 0 && passed > 0 ? 0 : 1);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    console.error(error.message);
    Deno.exit(2);
  }
}
