/** The checks that each commit has to pass, each as a step. */

import { run } from "../build/process.ts";
import { type ProjectFile, readFiles } from "./files.ts";
import { findPoorDocComments } from "./doc_comments.ts";
import { findWrongImports } from "./imports.ts";
import { findDeadLinks } from "./links.ts";
import { findLocalPaths } from "./paths.ts";

/** The result of a step. */
export type StepResult =
  | { readonly state: "passed" }
  | { readonly state: "failed"; readonly output: string }
  | { readonly state: "skipped"; readonly reason: string };

/** One check. */
export interface Step {
  readonly name: string;
  /** @throws {Error} if the check can't run, which counts as a failure */
  readonly check: () => Promise<StepResult>;
}

/** All steps for the project at `root`. */
export function steps(root: string): readonly Step[] {
  const ci = Deno.env.has("CI");
  const deno = (...args: string[]) => passes(root, Deno.execPath(), args);
  let files: Promise<readonly ProjectFile[]> | undefined;
  const read = () => files ??= readFiles(root);
  return [
    { name: "format", check: () => deno("fmt", "--check") },
    { name: "lint", check: () => deno("lint", "--quiet") },
    { name: "types", check: () => deno("check", "--quiet", ...(ci ? ["--frozen"] : []), ...sourceFolders(root)) },
    // Outside CI, `deno task` adds missing packages to the lock file, as a developer expects.
    ...(ci ? [{ name: "deno.lock", check: () => checkLock(root) }] : []),
    { name: "shellcheck", check: () => shellcheck(root) },
    { name: "links in Markdown", check: async () => isEmpty(findDeadLinks(await read())) },
    { name: "imports", check: async () => isEmpty(findWrongImports(await read())) },
    { name: "doc comments", check: async () => isEmpty(findPoorDocComments(await read())) },
    { name: "no paths of one machine", check: async () => isEmpty(findLocalPaths(root, await read())) },
  ];
}

async function passes(cwd: string, command: string, args: readonly string[]): Promise<StepResult> {
  const { success, output } = await run(command, args, {
    cwd,
    ...(!Deno.stdout.isTerminal() && { env: { NO_COLOR: "1" } }),
  });
  return success ? { state: "passed" } : { state: "failed", output };
}

function isEmpty(problems: readonly string[]): StepResult {
  return problems.length === 0 ? { state: "passed" } : { state: "failed", output: problems.join("\n") };
}

function sourceFolders(root: string): readonly string[] {
  const there = new Set([...Deno.readDirSync(root)].map(({ name }) => name));
  return ["src", "scripts", "tests"].filter((name) => there.has(name));
}

async function checkLock(root: string): Promise<StepResult> {
  const { success, output } = await run("git", ["diff", "--exit-code", "HEAD", "--", "deno.lock"], { cwd: root });
  if (success) return { state: "passed" };
  return {
    state: "failed",
    output: `It does not fit deno.json: run 'scripts/deno install', and commit it.\n${output}`,
  };
}

async function shellcheck(root: string): Promise<StepResult> {
  try {
    return await passes(root, "shellcheck", ["scripts/deno", ".ci/run", "tests/e2e/support/two_hosts.sh"]);
  } catch (error) {
    if (error instanceof Error && error.cause instanceof Deno.errors.NotFound) {
      return { state: "skipped", reason: "shellcheck is not installed" };
    }
    throw error;
  }
}
