/** Runs all tests, and prints how many passed: `scripts/deno task test`. See `test/options.ts` for the command line. */

import { build } from "./build.ts";
import { hostTarget } from "./build/targets.ts";
import { ok } from "./ok.ts";
import { ROOT } from "./project.ts";
import { type Count, ONE, sum } from "./test/count.ts";
import { runOnNewest } from "./test/newest.ts";
import { installPackages } from "./test/packages.ts";
import { parseOptions, type Suite, type TestOptions, USAGE } from "./test/options.ts";
import { runSuite } from "./test/suite.ts";
import { makeVenv } from "./venv.ts";

const REPORTS = `${ROOT}/.cache/test-reports`;

/** What suites are given. */
interface Prepared {
  /** Set for their programs. */
  readonly env: Record<string, string>;
  /** The interpreter of the environment for tests. */
  readonly python: string;
  readonly options: TestOptions;
}

async function main(options: TestOptions): Promise<Count> {
  const counts: Count[] = [];
  await installPackages();
  if (options.suites.includes("ok")) {
    console.log("== ok");
    counts.push(...(await ok(ROOT)).map(({ state }) => ONE[state]));
  }
  const suites = options.suites.filter((suite) => suite !== "ok");
  if (suites.length === 0) return sum(counts);
  try {
    const prepared = await prepare(options);
    for (const suite of suites) {
      counts.push(await runDirectory(suite, prepared));
      if (suite !== "unit") continue;
      const report = `${REPORTS}/unit-newest.xml`;
      counts.push(
        await runOnNewest(ROOT, {
          args: denoTest(suite, report, options.filter),
          cwd: ROOT,
          env: prepared.env,
          report,
        }),
      );
    }
  } catch (error) {
    console.log(`FAILED   ${error instanceof Error ? error.message : error}`);
    counts.push(ONE.failed);
  }
  return sum(counts);
}

async function prepare(options: TestOptions): Promise<Prepared> {
  Deno.mkdirSync(REPORTS, { recursive: true });
  await build(ROOT, [{ target: hostTarget(), file: "aimodellib" }]);
  const python = await makeVenv(`${ROOT}/.cache/test-venv`, Deno.readTextFileSync(`${ROOT}/tests/requirements.txt`));
  const env: Record<string, string> = {
    AIMODELLIB_TEST_BIN: `${ROOT}/dist/aimodellib`,
    AIMODELLIB_TEST_PYTHON: python,
  };
  if (options.suites.some((suite) => suite === "e2e" || suite === "differential")) {
    const tools = Deno.readTextFileSync(`${ROOT}/tests/tools.txt`);
    env.AIMODELLIB_TEST_TOOLS = (await makeVenv(`${ROOT}/.cache/tools-venv`, tools)).replace(/\/python$/, "");
  }
  return { env, python, options };
}

/** The suite of a folder in `tests/`. */
async function runDirectory(suite: Suite, { env, python, options: { filter } }: Prepared): Promise<Count> {
  const report = `${REPORTS}/${suite}.xml`;
  const common = { name: suite, cwd: ROOT, env, report };
  if (suite !== "python") {
    return await runSuite({ ...common, command: Deno.execPath(), args: denoTest(suite, report, filter) });
  }
  const select = filter === undefined ? [] : ["-k", filter];
  const args = ["-m", "pytest", "-q", "-p", "no:cacheprovider", `--junit-xml=${report}`, ...select, "tests/python"];
  return await runSuite({ ...common, command: python, args });
}

function denoTest(suite: string, report: string, filter: string | undefined): readonly string[] {
  // deno-fmt-ignore
  return [
    "test", "--quiet", "--allow-all", ...(Deno.env.has("CI") ? ["--frozen"] : []), `--junit-path=${report}`,
    ...(filter === undefined ? [] : ["--filter", filter]), `tests/${suite}`,
  ];
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
