/** The suites that `deno test` runs. Files run in parallel, except those that need the process for themselves. */

import type { SuiteProgram } from "./suite.ts";

/**
 * The suffix of files that run one at a time, after all others. Their tests change state of the whole process, such as its working
 * directory, count its file descriptors, or put load on the machine.
 */
const ALONE = "_alone_test.ts";

/** The number of files that run in parallel: one more than processors, since tests often wait for processes. */
const JOBS = navigator.hardwareConcurrency + 1;

/**
 * The slowest files of each suite, the slowest first. They start before all others, so that none of them runs alone at the end while a
 * processor is idle. A unit test moves its whole room to the front.
 */
const SLOW: readonly string[] = [
  "tests/unit/supervisor/worker_test.ts",
  "tests/e2e/run_archive_test.ts",
  "tests/e2e/images_test.ts",
  "tests/e2e/train_test.ts",
  "tests/e2e/console_test.ts",
  "tests/e2e/launcher_test.ts",
  "tests/e2e/environment_test.ts",
  "tests/e2e/init_test.ts",
  "tests/e2e/predict_test.ts",
  "tests/e2e/sign_test.ts",
  "tests/e2e/archive_test.ts",
  "tests/e2e/s3_test.ts",
  "tests/e2e/faults_test.ts",
  "tests/e2e/openapi_test.ts",
  "tests/e2e/signals_test.ts",
  "tests/e2e/poisoning_test.ts",
  "tests/e2e/bundle_wheels_test.ts",
  "tests/e2e/release_test.ts",
  "tests/e2e/manifest_test.ts",
  "tests/e2e/cache_test.ts",
  "tests/e2e/examples_test.ts",
  "tests/e2e/moving_test.ts",
  "tests/e2e/failures_log_test.ts",
  "tests/e2e/raw_http_test.ts",
  "tests/e2e/concurrency_test.ts",
  "tests/e2e/docs_commands_test.ts",
  "tests/e2e/workers_test.ts",
];

/**
 * The folder of unit tests. Starting an isolate and loading modules takes longer than most of these files, so the files of a room
 * (`tests/unit/http`), and the files outside all rooms, share an isolate: a module in {@linkcode GROUPS} imports them.
 */
const UNIT = "tests/unit/";
/** The folder of modules that import the files of a room. */
const GROUPS = ".cache/test-groups";

/** A suite without the program that runs it. */
export interface DenoSuite extends Omit<SuiteProgram, "command"> {
  /** Whether its files run one at a time. */
  readonly isAlone: boolean;
}

/** Options that all suites share. */
export interface DenoSuiteOptions {
  /** The project's root. */
  readonly root: string;
  /** The folder of reports. */
  readonly reports: string;
  /** Only tests whose name has this text are run. */
  readonly filter: string | undefined;
  readonly env: Record<string, string>;
  /** Whether another step checks the types of all files. A check takes longer than some suites. */
  readonly typesAreChecked: boolean;
}

/**
 * Lists the runs of `deno test` that make up a suite.
 *
 * @param name what messages and reports call the suite
 * @param folders its folders in `tests/`
 */
export function denoSuites(
  name: string,
  folders: readonly string[],
  { root, reports, filter, env, typesAreChecked }: DenoSuiteOptions,
): readonly DenoSuite[] {
  const all = folders.flatMap((folder) => [...testFiles(root, `tests/${folder}`)]).sort();
  const files = [...SLOW.filter((file) => all.includes(file)), ...all.filter((file) => !SLOW.includes(file))];
  const run = (name: string, files: readonly string[], isAlone: boolean): DenoSuite => {
    const report = `${reports}/${name.replaceAll(" ", "-")}.xml`;
    // deno-fmt-ignore
    const args = [
      "test", "--quiet", "--allow-all", ...(Deno.env.has("CI") ? ["--frozen"] : []), `--junit-path=${report}`,
      ...(isAlone ? [] : ["--parallel"]),
      ...(typesAreChecked ? ["--no-check"] : []), ...(filter === undefined ? [] : ["--filter", filter]), ...files,
    ];
    return { name, cwd: root, env: { DENO_JOBS: String(JOBS), ...env }, report, args, isAlone };
  };
  return [
    run(name, grouped(root, files.filter((file) => !file.endsWith(ALONE))), false),
    run(`${name}, alone`, files.filter((file) => file.endsWith(ALONE)), true),
  ].filter(({ args }) => args.at(-1)?.endsWith(".ts"));
}

/** The room of a unit test: its folder, or "src" for the tests of files that are in no folder of `src/`. */
function roomOf(file: string): string {
  const [room, ...rest] = file.slice(UNIT.length).split("/");
  return rest.length > 0 ? room! : "src";
}

/** Replaces the unit tests of each room by a module that imports them; other files stay. */
function grouped(root: string, files: readonly string[]): readonly string[] {
  const rooms = Map.groupBy(files, (file) => file.startsWith(UNIT) ? roomOf(file) : "");
  Deno.mkdirSync(`${root}/${GROUPS}`, { recursive: true });
  return [...rooms].flatMap(([room, files]) => {
    if (room === "") return files;
    const imports = files.map((file) => `import ${JSON.stringify(`file://${root}/${file}`)};\n`);
    Deno.writeTextFileSync(`${root}/${GROUPS}/${room}_test.ts`, imports.join(""));
    return `${GROUPS}/${room}_test.ts`;
  });
}

function* testFiles(root: string, folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(`${root}/${folder}`)) {
    if (isDirectory) yield* testFiles(root, `${folder}/${name}`);
    else if (/_test\.tsx?$/.test(name)) yield `${folder}/${name}`;
  }
}
