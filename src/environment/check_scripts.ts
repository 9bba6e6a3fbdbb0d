/** Checks scripts without running them: a Python parses them, and the bridge says what is wrong. */

import {
  ANSWER_LIMIT_MS,
  type Assets,
  describeExit,
  type Finished,
  layOutAssets,
  runChild,
  TOO_OLD,
} from "../bridge/mod.ts";
import { messageOf, UsageError } from "../errors.ts";
import { printable } from "../printable.ts";
import { findPython, type FindPythonOptions } from "./find_python.ts";

/** What a script is for. */
export type Role = "train" | "serve";

/** A script that is to be checked. */
export interface ScriptToCheck {
  readonly role: Role;
  /** What messages call it. */
  readonly name: string;
  /** Its path from the module directory. */
  readonly path: string;
  /** The module directory's own name; "" if it has none. */
  readonly module: string;
  readonly source: Uint8Array;
  /** What `import` finds in its module: names of files without `.py`, and of folders. */
  readonly neighbours: readonly string[];
  /** What `import` would find in the script's own folder. */
  readonly beside: readonly string[];
}

/** What the check found in one script. */
export interface CheckResult {
  /** What is certainly wrong, each with file and, where there is one, line. */
  readonly problems: readonly string[];
  /** Whether it has none of the functions, so that it may be a script for something else. */
  readonly unrelated: boolean;
  /** What is probably wrong. */
  readonly notices: readonly string[];
}

/** What was found of each script, in their order; or why nothing could be. */
export type Checked = { readonly results: readonly CheckResult[] } | { readonly skipped: string };

/** They are arguments of a process, of which there can't be too many. */
const MAX_NEIGHBOURS = 1000;

/**
 * Checks scripts, with the Python that would run them if there is one.
 *
 * @throws {UsageError} if the Python that was named can't be run
 */
export async function checkScripts(scripts: readonly ScriptToCheck[], options: FindPythonOptions): Promise<Checked> {
  let python: string;
  try {
    python = findPython(options).path;
  } catch (error) {
    if (!(error instanceof UsageError) || options.python || options.env("AIMODELLIB_PYTHON")) throw error;
    return { skipped: "no Python was found" };
  }
  using assets = await layOutAssets(options.env);
  try {
    return { results: await Promise.all(scripts.map((script) => checkScript(python, assets, script))) };
  } catch (error) {
    if (error instanceof CheckError) return { skipped: `the Python '${python}' can't: ${error.message}` };
    throw error;
  }
}

/** What `import` finds in a module, whose paths these are. */
export function importable(paths: Iterable<string>): string[] {
  const names = new Set<string>();
  for (const path of paths) {
    const [first = "", ...rest] = path.split("/");
    if (rest.length > 0) names.add(first);
    else if (first.endsWith(".py")) names.add(first.slice(0, -3));
  }
  return [...names].filter((name) => /^[\p{L}_][\p{L}\p{N}_]*$/u.test(name)).slice(0, MAX_NEIGHBOURS);
}

/** A Python that can't check: it does not start, or is too old. */
class CheckError extends Error {
  override readonly name = "CheckError";
}

/** @throws {CheckError} */
async function checkScript(python: string, assets: Assets, script: ScriptToCheck): Promise<CheckResult> {
  const { role, name, path, module, source, neighbours, beside } = script;
  let finished: Finished;
  try {
    finished = await runChild(python, {
      // Isolated, and without its packages: nothing but the standard library is needed, and nothing else is to run.
      args: ["-I", "-S", assets.entry, "check", role, name, path, module, ...neighbours, "/", ...beside],
      stdin: source,
      limitMs: ANSWER_LIMIT_MS,
    });
  } catch (cause) {
    throw new CheckError(`it ${messageOf(cause)}`, { cause });
  }
  const { success, exit, stdout, stderr } = finished;
  if (!success) {
    const words = stderr.trim().split("\n").at(-1);
    throw new CheckError(exit.code === TOO_OLD ? `${words}` : `it ended with ${describeExit(exit)}: ${words}`);
  }
  const { problems, notices, ...rest }: CheckResult = JSON.parse(stdout);
  // Each is a line, with names from an archive in it.
  return { ...rest, problems: problems.map(printable), notices: notices.map(printable) };
}
