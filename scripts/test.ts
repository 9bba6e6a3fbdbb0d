/** Runs all tests, and prints how many passed: `scripts/deno task test`. See `test/options.ts` for the command line. */

import { build } from "./build.ts";
import { hostTarget } from "./build/targets.ts";
import { ok } from "./ok.ts";
import { ROOT } from "./project.ts";
import { type Count, ONE, sum } from "./test/count.ts";
import { type DenoSuiteOptions, denoSuites } from "./test/deno_suite.ts";
import { runOnNewest } from "./test/newest.ts";
import { installPackages } from "./test/packages.ts";
import { parseOptions, type Suite, type TestOptions, USAGE } from "./test/options.ts";
import { runRay } from "./test/ray_suite.ts";
import { runSuite } from "./test/suite.ts";
import { makeVenv } from "./venv.ts";
import { messageOf } from "../src/errors.ts";

const REPORTS = `${ROOT}/.cache/test-reports`;

/** What all suites need. */
interface Prepared {
  /** Environment variables of their programs. */
  readonly env: Record<string, string>;
  /** The interpreter of the environment for tests. */
  readonly python: string;
  /** That of the environment with Ray. */
  readonly ray: Promise<string>;
  readonly options: TestOptions;
}

async function main(options: TestOptions): Promise<Count> {
  const counts: Count[] = [];
  await installPackages();
  const suites = options.suites.filter((suite) => suite !== "ok");
  const venvs = suites.length === 0 ? undefined : makeVenvs(suites);
  // Hundreds of megabytes, which other suites need not wait for.
  const ray = suites.includes("ray") ? makeTestVenv("ray-venv", "ray/requirements.txt") : Promise.resolve("");
  // A failure is reported where the environments are needed.
  venvs?.catch(() => {});
  ray.catch(() => {});
  if (options.suites.includes("ok")) {
    console.log("== ok");
    counts.push(...(await ok(ROOT)).map(({ state }) => ONE[state]));
  }
  if (venvs === undefined) return sum(counts);
  try {
    const prepared = { ...await prepare(options, venvs), ray };
    for (const suite of suites) {
      counts.push(await runDirectory(suite, prepared));
      if (suite === "unit") {
        const suites = (name: string) => denoSuites(name, [suite], { ...optionsOf(prepared), typesAreChecked: true });
        counts.push(await runOnNewest(ROOT, suites));
      }
    }
  } catch (error) {
    console.log(`FAILED   ${messageOf(error)}`);
    counts.push(ONE.failed);
  }
  return sum(counts);
}

/** Interpreters of the environments in `.cache/`. */
interface Venvs {
  readonly python: string;
  /** That of the validators and clients; undefined if no suite uses them. */
  readonly tools: string | undefined;
}

/** Makes the environments that are missing, at the same time; most of it is waiting for downloads, so other work may go on beside it. */
async function makeVenvs(suites: readonly Suite[]): Promise<Venvs> {
  const usesTools = suites.some((suite) => suite === "e2e" || suite === "differential");
  const [python, tools] = await Promise.all([
    makeTestVenv("test-venv", "requirements.txt"),
    usesTools ? makeTestVenv("tools-venv", "tools.txt") : undefined,
  ]);
  return { python, tools };
}

function makeTestVenv(name: string, list: string): Promise<string> {
  return makeVenv(`${ROOT}/.cache/${name}`, Deno.readTextFileSync(`${ROOT}/tests/${list}`));
}

async function prepare(options: TestOptions, venvs: Promise<Venvs>): Promise<Omit<Prepared, "ray">> {
  Deno.mkdirSync(REPORTS, { recursive: true });
  await build(ROOT, [{ target: hostTarget(), file: "aimodellib" }]);
  const { python, tools } = await venvs;
  const env: Record<string, string> = {
    AIMODELLIB_TEST_BIN: `${ROOT}/dist/aimodellib`,
    AIMODELLIB_TEST_PYTHON: python,
    // Without a cache of bytecode, each of thousands of workers would compile its modules.
    PYTHONDONTWRITEBYTECODE: "",
    ...(tools !== undefined && { AIMODELLIB_TEST_TOOLS: tools.replace(/\/python$/, "") }),
  };
  return { env, python, options };
}

/** The suite of a folder in `tests/`; the unit tests have a second folder. */
async function runDirectory(suite: Suite, prepared: Prepared): Promise<Count> {
  const { env, python, ray, options: { filter } } = prepared;
  const report = `${REPORTS}/${suite}.xml`;
  if (suite === "ray") return await runRay({ root: ROOT, env, report, filter, python: ray });
  if (suite !== "python") {
    const counts: Count[] = [];
    // The search of the model is a calculation, so the newer Deno does not repeat it.
    const folders = suite === "unit" ? ["unit", "model"] : [suite];
    for (const run of denoSuites(suite, folders, optionsOf(prepared))) {
      counts.push(await runSuite({ ...run, command: Deno.execPath() }));
    }
    return sum(counts);
  }
  const select = filter === undefined ? [] : ["-k", filter];
  // deno-fmt-ignore
  const args = [
    "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "auto", `--junit-xml=${report}`, ...select, "tests/python",
  ];
  return await runSuite({ name: suite, cwd: ROOT, env, report, command: python, args });
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
