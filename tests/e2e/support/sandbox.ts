/**
 * A place of its own for each test: directories, an environment, and the programs that it starts. When a test has
 * passed, nothing may be left of them: no process, and no temporary directory of ours.
 */

import assert from "node:assert/strict";
import { LONG } from "./limits.ts";
import type { Need } from "./needs.ts";
import { MARK, type Process, processesWith, signal, untilNone } from "./processes.ts";
import { type Finished, Program } from "./program.ts";
import { type ServeOptions, Server } from "./server.ts";

/** The project. */
export const ROOT: string = new URL("../../..", import.meta.url).pathname.replace(/\/$/, "");
/** The executable. */
export const BIN: string = Deno.env.get("AIMODELLIB_TEST_BIN") ?? `${ROOT}/dist/aimodellib`;
/** The Python of the environment for tests: an absolute path. */
export const PYTHON: string = executableOf(Deno.env.get("AIMODELLIB_TEST_PYTHON") ?? "python3");
/** Where the programs are that judge what ours makes, and talk to it. */
export const TOOLS: string = Deno.env.get("AIMODELLIB_TEST_TOOLS") ?? `${ROOT}/.cache/tools-venv/bin`;
/** Modules for tests. */
export const MODULES = `${ROOT}/tests/fixtures/modules`;

// Tests look at the permissions of files that they, and the programs that they start, make.
Deno.umask(0o022);

/** What a test may say of a program that it starts. */
export interface RunOptions {
  /** @default {@linkcode Sandbox.root} */
  readonly cwd?: string;
  /** In addition to those of the sandbox; undefined takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** What it reads. */
  readonly stdin?: string;
  /** The program; by default the executable. */
  readonly command?: string;
  /** For its end, in ms. */
  readonly limit?: number;
}

/** @see the module's own comment */
export class Sandbox implements AsyncDisposable {
  /** Its directory, empty at first but for `home` and `tmp`. */
  readonly root: string;
  /** What all its programs carry in their environment. */
  readonly mark: string = crypto.randomUUID();
  readonly env: Readonly<Record<string, string>>;
  readonly #programs: Program[] = [];
  #modules = 0;

  constructor() {
    this.root = Deno.makeTempDirSync({ prefix: "e2e-" });
    for (const name of ["home", "tmp"]) Deno.mkdirSync(`${this.root}/${name}`);
    this.env = {
      PATH: "/usr/local/bin:/usr/bin:/bin",
      HOME: `${this.root}/home`,
      TMPDIR: `${this.root}/tmp`,
      LANG: "C.UTF-8",
      AIMODELLIB_PYTHON: PYTHON,
      AIMODELLIB_LOG_FORMAT: "text",
      [MARK]: this.mark,
    };
  }

  /** A path in it. */
  path(name: string): string {
    return `${this.root}/${name}`;
  }

  /** The text of one of its files. */
  read(name: string): string {
    return Deno.readTextFileSync(this.path(name));
  }

  /** Writes files, and the directories that they are in. */
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

  /** Runs it to its end. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return await this.start(args, options).finished(options.limit ?? LONG);
  }

  /**
   * Trains with a script of which only this is given, and returns how that ended.
   *
   * @param args behind the model directory, which is `model` in the sandbox
   */
  async train(script: string, args: readonly string[] = [], options: RunOptions = {}): Promise<Finished> {
    return await this.run(["train", this.module({ "train.py": script }), "train.py", "model", ...args], options);
  }

  /** Serves with a script of which only this is given, or with a module; waits until the model is loaded. */
  async serve(script: string | { readonly module: string }, options: ServeOptions & RunOptions = {}): Promise<Server> {
    const module = typeof script === "string" ? this.module({ "serve.py": script }) : script.module;
    Deno.mkdirSync(this.path("model"), { recursive: true });
    const { args = ["--port", "0"], more = [], waitForReady = true } = options;
    const program = this.start(["serve", ...args, module, "serve.py", this.path("model"), ...more], options);
    return await Server.attach(program, waitForReady);
  }

  /** Processes that its programs, or their children, are. */
  processes(): Process[] {
    return processesWith(this.mark);
  }

  /** Names in its `tmp` that are ours. */
  leftovers(): string[] {
    return [...Deno.readDirSync(this.path("tmp"))].map(({ name }) => name)
      .filter((name) => name.startsWith("aimodellib"));
  }

  /** Runs the executable at a terminal: whenever the first text of a pair is shown, the second is typed. */
  async runAtTerminal(dialogue: readonly (readonly [string, string])[], args: readonly string[]): Promise<Finished> {
    const script = `${ROOT}/tests/e2e/support/terminal.py`;
    return await this.run([script, JSON.stringify(dialogue), BIN, ...args], { command: PYTHON });
  }

  /** Checks that nothing is left, once all programs have ended. */
  async assertClean(): Promise<void> {
    await untilNone(this.mark, 10_000);
    assert.deepEqual(this.leftovers(), [], "temporary directories are removed");
  }

  /** Ends all its programs, whatever they do, and removes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#programs) await program[Symbol.asyncDispose]();
    for (const { pid } of this.processes()) signal(pid, "SIGKILL");
    for (const { stdout, stderr } of this.#programs) await Promise.all([stdout.ended, stderr.ended]);
    Deno.removeSync(this.root, { recursive: true });
  }
}

/**
 * A test in a sandbox of its own.
 *
 * @param needs what it needs; the name of a test that is skipped says what is missing
 */
export function test(name: string, body: (box: Sandbox) => Promise<void> | void, ...needs: readonly Need[]): void {
  const reasons = needs.filter((need) => need !== true);
  Deno.test({
    name: reasons.length === 0 ? name : `${name} (skipped: ${reasons.join("; ")})`,
    ignore: reasons.length > 0,
    async fn() {
      await using box = new Sandbox();
      await body(box);
      await box.assertClean();
    },
  });
}

/** Python without the indentation that it has in a test. */
export function py(strings: TemplateStringsArray, ...values: readonly unknown[]): string {
  const lines = String.raw({ raw: strings.raw }, ...values).split("\n");
  const indents = lines.filter((line) => line.trim() !== "").map((line) => line.length - line.trimStart().length);
  return lines.map((line) => line.slice(Math.min(...indents))).join("\n").trimStart();
}

/** A script that answers each request with its body, with some functions replaced by what is given. */
export function echo(replaced = ""): string {
  return `${Deno.readTextFileSync(`${MODULES}/echo/serve.py`)}\n${replaced}`;
}

/** The file behind a name, past the shims of version managers. */
function executableOf(name: string): string {
  if (name.startsWith("/")) return name;
  const { stdout } = new Deno.Command(name, { args: ["-c", "import sys; print(sys.executable)"] }).outputSync();
  return new TextDecoder().decode(stdout).trim();
}
