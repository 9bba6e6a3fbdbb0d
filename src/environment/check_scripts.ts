/** Checks scripts without running them: a Python parses them, and the embedded bridge reports errors. */

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

/** A script to be checked, with the names around it. */
export interface ScriptToCheck {
  readonly role: Role;
  /** The script's name in messages. */
  readonly name: string;
  /** The script's path relative to the module directory. */
  readonly path: string;
  /** The module directory's own name; "" if it has none. */
  readonly module: string;
  readonly source: Uint8Array;
  /** Names that `import` finds in the module directory: files without `.py`, and folders. */
  readonly neighbours: readonly string[];
  /** Names that `import` would find in the script's own folder. */
  readonly beside: readonly string[];
}

/** What the check found in one script. */
export interface CheckResult {
  /** Errors, each with the file and, if known, the line. */
  readonly problems: readonly string[];
  /** Whether the script has none of the required functions, and may therefore serve another purpose. */
  readonly unrelated: boolean;
  /** Sentences about probable mistakes. */
  readonly notices: readonly string[];
}

/** The result for each script, in order; or the reason why no script could be checked. */
export type Checked = { readonly results: readonly CheckResult[] } | { readonly skipped: string };

/** The most names that are passed to the Python: they are arguments of a process, whose number is limited. */
const MAX_NEIGHBOURS = 1000;

/**
 * Checks scripts with the Python that would run them.
 *
 * @throws {UsageError} if the Python of `--python` or `AIMODELLIB_PYTHON` can't be run
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

/** The names that `import` finds in a folder. @param paths the files in it, relative to the folder */
export function importable(paths: Iterable<string>): string[] {
  const names = new Set<string>();
  for (const path of paths) {
    const [first = "", ...rest] = path.split("/");
    if (rest.length > 0) names.add(first);
    else if (first.endsWith(".py")) names.add(first.slice(0, -3));
  }
  return [...names].filter((name) => /^[\p{L}_][\p{L}\p{N}_]*$/u.test(name)).slice(0, MAX_NEIGHBOURS);
}

/** A Python can't check scripts, because it does not start or is too old. */
class CheckError extends Error {
  override readonly name = "CheckError";
}

/** Checks one script. @throws {CheckError} if the Python can't */
async function checkScript(python: string, assets: Assets, script: ScriptToCheck): Promise<CheckResult> {
  const { role, name, path, module, source, neighbours, beside } = script;
  let finished: Finished;
  try {
    finished = await runChild(python, {
      // Isolated and without site packages: the check needs the standard library only, and nothing else may run.
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
  // Each is one line, but may contain names from an archive.
  return { ...rest, problems: problems.map(printable), notices: notices.map(printable) };
}
