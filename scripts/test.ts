/** Runs all tests, and prints how many passed: `scripts/deno task test`. See `test/options.ts` for the command line. */

import { build } from "./build.ts";
import { hostTarget } from "./build/targets.ts";
import { ok } from "./ok.ts";
import { ROOT } from "./project.ts";
import { type Count, ONE, sum } from "./test/count.ts";
import { installPackages } from "./test/packages.ts";
import { parseOptions, type TestOptions, USAGE } from "./test/options.ts";
import { type Prepared, runSuites, usesTools } from "./test/schedule.ts";
import { makeWarmCache } from "./test/warm_cache.ts";
import { makeVenv, type VenvOptions } from "./venv.ts";
import { messageOf } from "../src/errors.ts";

/**
 * The environment in which models run has pip, which some tests use. The modules take long to compile: the first test that imports one
 * could exceed its time limit.
 */
const WITH_PIP: VenvOptions = {
  pip: true,
  compiled: [
    "torch",
    "sklearn.ensemble",
    "pandas",
    "pyarrow.parquet",
    "tensorboard.main",
    "pip._internal.commands.install",
  ],
};

async function main(options: TestOptions): Promise<Count> {
  const counts: Count[] = [];
  await installPackages();
  const suites = options.suites.filter((suite) => suite !== "ok");
  const preparing = suites.length === 0 ? undefined : prepare(options);
  // A failure is reported below.
  preparing?.catch(() => {});
  if (options.suites.includes("ok")) {
    console.log("== ok");
    counts.push(...(await ok(ROOT)).map(({ state }) => ONE[state]));
  }
  try {
    if (preparing !== undefined) await runSuites(suites, await preparing, counts);
  } catch (error) {
    console.log(`FAILED   ${messageOf(error)}`);
    counts.push(ONE.failed);
  }
  return sum(counts);
}

/** Makes what the suites need. Most of it is waiting for downloads, so all of it goes on at the same time. */
async function prepare({ suites, filter }: TestOptions): Promise<Prepared> {
  const making = makeTestVenv("test-venv", "requirements.txt", WITH_PIP);
  const tools = suites.some(usesTools) ? makeTestVenv("tools-venv", "tools.txt") : Promise.resolve("");
  // Hundreds of megabytes, which other suites need not wait for.
  const ray = suites.includes("ray")
    ? makeTestVenv("ray-venv", "ray/requirements.txt", { pip: true })
    : Promise.resolve("");
  // A failure is reported where the environments are needed.
  for (const each of [making, tools, ray]) each.catch(() => {});
  await build(ROOT, [{ target: hostTarget(), file: "aimodellib" }]);
  const python = await making;
  const [executable, cache] = [`${ROOT}/dist/aimodellib`, `${ROOT}/.cache/test-cache`];
  if (suites.includes("e2e") || suites.includes("differential")) await makeWarmCache(cache, executable, python);
  const env: Record<string, string> = {
    AIMODELLIB_TEST_BIN: executable,
    AIMODELLIB_TEST_PYTHON: python,
    AIMODELLIB_TEST_CACHE: cache,
    // Without a cache of bytecode, each of thousands of workers would compile its modules.
    PYTHONDONTWRITEBYTECODE: "",
  };
  return { env, python, tools, ray, filter, typesAreChecked: suites.includes("ok") };
}

function makeTestVenv(name: string, list: string, options?: VenvOptions): Promise<string> {
  return makeVenv(`${ROOT}/.cache/${name}`, Deno.readTextFileSync(`${ROOT}/tests/${list}`), options);
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
