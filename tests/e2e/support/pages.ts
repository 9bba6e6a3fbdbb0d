/**
 * The commands of a page of Markdown, and how they are run.
 *
 * - A block of `sh` has commands. A block of `console` has commands behind `$ `, each followed by what it prints.
 * - `<!-- file: NAME -->` above a block says that the block is the content of this file.
 * - `<!-- not run: REASON -->` above a block says why no test can run it.
 *
 * In what is printed, `…` stands for any text within a line, and a line of `…` for any lines. Times, sizes, process ids, digests and
 * versions of Python may be others.
 */

import assert from "node:assert/strict";
import { until } from "./limits.ts";
import { BIN, PYTHON, ROOT, type Sandbox } from "./sandbox.ts";
import type { Program } from "./program.ts";

/** A block of code. */
export interface Block {
  /** The line where the block begins, counted from 1. */
  readonly line: number;
  /** The language, such as `sh`; empty if the page names none. */
  readonly language: string;
  readonly text: string;
  /** The content of the comment above the block. */
  readonly mark?: { readonly kind: "file" | "not run"; readonly value: string } | undefined;
}

/** A command, and its output if the page shows it. */
export interface Step {
  readonly line: number;
  readonly command: string;
  readonly printed?: readonly string[] | undefined;
}

const BLOCK = /(?:^ *<!-- (file|not run): (.*?) -->\n)?^( *)```([\w-]*)\n(.*?)^\3```$/gms;

/** The blocks of a page. */
export function blocksOf(page: string): Block[] {
  return [...page.matchAll(BLOCK)].map(({ 0: whole, 1: kind, 2: value, 4: language = "", 5: text = "", index }) => ({
    line: page.slice(0, index).split("\n").length + (whole.trimStart().startsWith("<!--") ? 1 : 0),
    language,
    text,
    mark: kind === undefined ? undefined : { kind: kind as "file" | "not run", value: value! },
  }));
}

/** Returns the commands of a block, for a block of `console` with their output. */
export function stepsOf({ language, text, line }: Block): Step[] {
  const steps: { line: number; command: string; printed?: string[] }[] = [];
  let isOpen = false;
  for (const [i, row] of text.split("\n").slice(0, -1).entries()) {
    const said: string | undefined = language === "console"
      ? (isOpen ? row.replace(/^> ?/, "") : /^\$ (.*)$/.exec(row)?.[1])
      : row;
    if (isOpen) steps.at(-1)!.command += `\n${said}`;
    else if (said === undefined) steps.at(-1)!.printed!.push(row);
    else if (said.trim() !== "" && !said.startsWith("#")) {
      steps.push({ line: line + 1 + i, command: said, ...(language === "console" && { printed: [] }) });
    } else continue;
    // The command continues on the next line.
    isOpen = said !== undefined && /(\\|\|)$/.test(said);
  }
  return steps;
}

/** Substitutions that make two runs of a command print the same. */
const VARYING: readonly (readonly [RegExp, string])[] = [
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, "TIME"],
  [/\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d/g, "TIME"],
  [/\b[0-9a-f]{64}\b/g, "SHA256"],
  [/\bprocess \d+/g, "process N"],
  [/Python 3\.\d+\.\d+( \([^)]+\))?/g, "PYTHON"],
  [/\b\d+(\.\d+)? (ms|s|us|B|KB|MB|GB|KiB|MiB|GiB|bytes)\b/g, "N $2"],
];

function plain(text: string): string {
  return VARYING.reduce((result, [pattern, word]) => result.replace(pattern, word), text);
}

/** Whether the printed lines match those on the page. */
export function matches(printed: string, shown: readonly string[]): boolean {
  const escape = (text: string) => plain(text).replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll("…", ".*");
  const pattern = shown.map((line) => line.trim() === "…" ? "(?:.*\n)*?" : `${escape(line)} *\n`).join("");
  return new RegExp(`^${pattern}$`).test(`${plain(printed).replace(/\n+$/, "")}\n`.replace(/^\n$/, ""));
}

const AT_TERMINAL = `${ROOT}/tests/e2e/support/at_terminal.py`;

/** Follows a page: runs its commands in one shell, with one server at a time. */
export class Reader {
  readonly #port = freePort();
  readonly #env: Readonly<Record<string, string>>;
  #server: Program | undefined;

  readonly #terminal: boolean;

  /** @param env in addition to the sandbox's; @param terminal whether commands print to a terminal */
  constructor(readonly box: Sandbox, env: Readonly<Record<string, string>> = {}, terminal = false) {
    this.#terminal = terminal;
    Deno.mkdirSync(box.path("bin"));
    Deno.symlinkSync(BIN, box.path("bin/aimodellib"));
    Deno.symlinkSync(`${ROOT}/examples`, box.path("examples"));
    this.#env = { ...env, PATH: `${box.path("bin")}:${env["PATH"] ?? box.env["PATH"]}` };
  }

  /** Runs a command that the page expects to have been run. */
  async do(command: string): Promise<void> {
    await this.#do({ line: 0, command });
  }

  /** Runs all commands of a page, and checks their output. */
  async read(page: string): Promise<void> {
    for (const block of blocksOf(page)) {
      if (block.mark?.kind === "not run") continue;
      if (block.mark?.kind === "file") this.box.write({ [block.mark.value]: this.#here(block.text) });
      else if (["sh", "console"].includes(block.language)) { for (const step of stepsOf(block)) await this.#do(step); }
    }
    await this.stopServer();
  }

  /** Stops the running server, as Ctrl+C does. */
  async stopServer(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    server?.kill("SIGTERM");
    if (server !== undefined) assert.equal((await server.finished()).code, 0, server.stderr.text);
  }

  async #do({ line, command, printed }: Step): Promise<void> {
    const isServer = /^aimodellib serve\b/.test(command);
    if (isServer) await this.stopServer();
    const words = this.#here(isServer ? withPort(command) : command);
    const shell = ["-c", isServer ? `exec ${words}` : `{ ${words}\n} 2>&1`];
    const program = this.#terminal
      ? this.box.start([AT_TERMINAL, isServer ? "2" : "1", "bash", ...shell], { command: PYTHON, env: this.#env })
      : this.box.start(shell, { command: "bash", env: this.#env });
    const said = () => this.#there((isServer ? program.stderr : program.stdout).text);
    const about = () => `line ${line}: $ ${command}\nshown:\n${printed?.join("\n") ?? "nothing"}\nprinted:\n${said()}`;
    if (isServer) {
      this.#server = program;
      await program.stderr.waitFor(/Ready: POST /);
      if (printed !== undefined) await until(about(), () => matches(said(), printed), 10_000, about);
    } else {
      assert.equal((await program.finished()).code, 0, about());
      if (printed !== undefined) assert.ok(matches(said(), printed), about());
    }
  }

  /** Replaces the page's port and temporary folder by those of the test, and shortens load tests, which take all processors. */
  #here(text: string): string {
    return text.replaceAll(/ -d 2s\b/g, " -d 500ms").replaceAll(/\b8080\b/g, String(this.#port)).replaceAll(
      /\/(tmp|srv)\//g,
      `${this.box.root}/$1/`,
    );
  }

  #there(text: string): string {
    // deno-lint-ignore no-control-regex
    return text.replaceAll(/\x1b\[[0-9;]*m/g, "").replaceAll(new RegExp(`\\b${this.#port}\\b`, "g"), "8080")
      .replaceAll(new RegExp(`${this.box.root}/(tmp|srv)/`, "g"), "/$1/").replaceAll(`${this.box.root}/`, "");
  }
}

/** Adds a port to a server without one: 8080 may be in use on this machine. */
function withPort(command: string): string {
  return /\b8080\b/.test(command) ? command : command.replace("aimodellib serve", "aimodellib serve --port 8080");
}

/** Returns a port that is free now. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
