/**
 * A sandbox for each test: directories, an environment, and the programs that the test starts. When a test has
 * passed, no process and no temporary directory of aimodellib may remain.
 */

import assert from "node:assert/strict";
import { LONG } from "./limits.ts";
import type { Need } from "./needs.ts";
import { MARK, type Process, processesWith, signal, untilNone } from "./processes.ts";
import { type Finished, Program } from "./program.ts";
import { type ServeOptions, Server } from "./server.ts";
import { folderInMemory } from "./shm.ts";
import { warmCache } from "./warm_cache.ts";

/** The project's root. */
export const ROOT: string = new URL("../../..", import.meta.url).pathname.replace(/\/$/, "");
/** The path of the executable. */
export const BIN: string = Deno.env.get("AIMODELLIB_TEST_BIN") ?? `${ROOT}/dist/aimodellib`;
/** The Python of the environment for tests: an absolute path. */
export const PYTHON: string = executableOf(Deno.env.get("AIMODELLIB_TEST_PYTHON") ?? "python3");
/** The folder of validators and clients (`tests/tools.txt`). */
export const TOOLS: string = Deno.env.get("AIMODELLIB_TEST_TOOLS") ?? `${ROOT}/.cache/tools-venv/bin`;
/** The folder of modules for tests. */
export const MODULES = `${ROOT}/tests/fixtures/modules`;

// Tests look at the permissions of files that they, and the programs that they start, make.
Deno.umask(0o022);

/** How to run a program in a sandbox. */
export interface RunOptions {
  /** @default {@linkcode Sandbox.root} */
  readonly cwd?: string;
  /** Variables in addition to the sandbox's; undefined removes one. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Its standard input; empty by default. */
  readonly stdin?: string;
  /** The program; by default the executable. */
  readonly command?: string;
  /** Time limit, in ms. */
  readonly limit?: number;
}

/** The directories, environment and programs of one test. */
export class Sandbox implements AsyncDisposable {
  /** The directory of the test. At first it has only `home` and `tmp`. */
  readonly root: string;
  /** The mark in the environment of the test's programs. */
  readonly mark: string = crypto.randomUUID();
  readonly env: Readonly<Record<string, string>>;
  readonly #programs: Program[] = [];
  #isWarm = false;
  /** Whether no process was left at the end. */
  #isClean = false;
  #modules = 0;
  /**
   * The folder of sandboxes: in memory, where that is possible. On a disk, making and removing the files of a sandbox takes a quarter of the
   * processor time of a test that starts a server.
   */
  static readonly #place: string | undefined = folderInMemory();

  constructor() {
    this.root = Deno.makeTempDirSync({ prefix: "e2e-", ...(Sandbox.#place !== undefined && { dir: Sandbox.#place }) });
    for (const name of ["home", "tmp"]) Deno.mkdirSync(`${this.root}/${name}`);
    this.env = {
      PATH: "/usr/local/bin:/usr/bin:/bin",
      HOME: `${this.root}/home`,
      TMPDIR: `${this.root}/tmp`,
      LANG: "C.UTF-8",
      AIMODELLIB_PYTHON: PYTHON,
      AIMODELLIB_LOG_FORMAT: "text",
      // pip's search for conflicts among all installed packages, which only warns, takes longer than an installation. pip reads 0 as "off" here.
      PIP_NO_WARN_CONFLICTS: "0",
      [MARK]: this.mark,
    };
  }

  /** The path of a file in the sandbox. */
  path(name: string): string {
    return `${this.root}/${name}`;
  }

  /** The text of a file in the sandbox. */
  read(name: string): string {
    return Deno.readTextFileSync(this.path(name));
  }

  /** Writes files, and makes their directories. */
  write(files: Readonly<Record<string, string>>): void {
    for (const [name, text] of Object.entries(files)) {
      const path = this.path(name);
      Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
      Deno.writeTextFileSync(path, text);
    }
  }

  /** Writes a module, and returns its directory. */
  module(files: Readonly<Record<string, string>>, name = `module-${++this.#modules}`): string {
    this.write(Object.fromEntries(Object.entries(files).map(([file, text]) => [`${name}/${file}`, text])));
    return this.path(name);
  }

  /** Starts the executable, or another program. */
  start(args: readonly string[], { command = BIN, cwd = this.root, env = {}, stdin }: RunOptions = {}): Program {
    if (command === BIN && !this.#isWarm) this.#isWarm = warmCache(this.path("home"), args[0]);
    const all = Object.entries({ ...this.env, ...env }).filter(([, value]) => value !== undefined);
    const program = new Program({
      command,
      args,
      cwd,
      env: Object.fromEntries(all) as Record<string, string>,
      ...(stdin !== undefined && { stdin }),
    });
    this.#programs.push(program);
    return program;
  }

  /** Runs the executable, or another program, and waits until it has ended. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return await this.start(args, options).finished(options.limit ?? LONG);
  }

  /**
   * Trains with a script, and returns how the run ended.
   *
   * @param args follow the model directory, which is `model` in the sandbox
   */
  async train(script: string, args: readonly string[] = [], options: RunOptions = {}): Promise<Finished> {
    return await this.run(["train", this.module({ "train.py": script }), "train.py", "model", ...args], options);
  }

  /** Serves a script or a module, and waits until the model is loaded. */
  async serve(script: string | { readonly module: string }, options: ServeOptions & RunOptions = {}): Promise<Server> {
    const module = typeof script === "string" ? this.module({ "serve.py": script }) : script.module;
    Deno.mkdirSync(this.path("model"), { recursive: true });
    const { args = ["--port", "0"], more = [], waitForReady = true } = options;
    const program = this.start(["serve", ...args, module, "serve.py", this.path("model"), ...more], options);
    return await Server.attach(program, waitForReady);
  }

  /** The running processes of the test's programs and their descendants. */
  processes(): Process[] {
    return processesWith(this.mark);
  }

  /** The names of aimodellib's files in `tmp`. */
  leftovers(): string[] {
    return [...Deno.readDirSync(this.path("tmp"))].map(({ name }) => name)
      .filter((name) => name.startsWith("aimodellib"));
  }

  /** Runs the executable on a pseudo-terminal. When the first text of a pair is shown, the second is typed. */
  async runAtTerminal(dialogue: readonly (readonly [string, string])[], args: readonly string[]): Promise<Finished> {
    const script = `${ROOT}/tests/e2e/support/terminal.py`;
    return await this.run([script, JSON.stringify(dialogue), BIN, ...args], { command: PYTHON });
  }

  /** Checks that no process and no temporary directory remains. */
  async assertClean(): Promise<void> {
    await untilNone(this.mark, 10_000);
    this.#isClean = true;
    assert.deepEqual(this.leftovers(), [], "temporary directories are removed");
  }

  /** Kills all programs, and removes the directory. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#programs) await program[Symbol.asyncDispose]();
    // Looking at the environments of all processes takes milliseconds.
    if (!this.#isClean) { for (const { pid } of this.processes()) signal(pid, "SIGKILL"); }
    for (const { stdout, stderr } of this.#programs) await Promise.all([stdout.ended, stderr.ended]);
    Deno.removeSync(this.root, { recursive: true });
  }
}

/**
 * Defines a test that runs in its own sandbox.
 *
 * @param needs requirements; the name of a skipped test says which one is not met
 */
export function test(name: string, body: (box: Sandbox) => Promise<void> | void, ...needs: readonly Need[]): void {
  define(name, needs, async () => {
    await using box = new Sandbox();
    await body(box);
    await box.assertClean();
  });
}

/** Defines a test, or skips it with the needs that are not met in its name. */
export function define(
  name: string,
  needs: readonly Need[],
  fn: () => Promise<void>,
  options: Pick<Deno.TestDefinition, "sanitizeOps" | "sanitizeResources"> = {},
): void {
  const reasons = needs.map((need) => typeof need === "function" ? need() : need).filter((met) => met !== true);
  Deno.test({
    ...options,
    name: reasons.length === 0 ? name : `${name} (skipped: ${reasons.join("; ")})`,
    ignore: reasons.length > 0,
    fn,
  });
}

/** Python without the indentation that it has in a test. */
export function py(strings: TemplateStringsArray, ...values: readonly unknown[]): string {
  const lines = String.raw({ raw: strings.raw }, ...values).split("\n");
  const indents = lines.filter((line) => line.trim() !== "").map((line) => line.length - line.trimStart().length);
  return lines.map((line) => line.slice(Math.min(...indents))).join("\n").trimStart();
}

/** A script that answers each request with its body. The functions in `replaced` take the place of its own. */
export function echo(replaced = ""): string {
  return `${Deno.readTextFileSync(`${MODULES}/echo/serve.py`)}\n${replaced}`;
}

/** The file behind a name, past the shims of version managers. */
function executableOf(name: string): string {
  if (name.startsWith("/")) return name;
  const { stdout } = new Deno.Command(name, { args: ["-c", "import sys; print(sys.executable)"] }).outputSync();
  return new TextDecoder().decode(stdout).trim();
}
