/** Finds the Python that a module is to run with. */

import { messageOf, UsageError } from "../errors.ts";

/** A Python, and why it was chosen. */
export interface FoundPython {
  /** Absolute path of the executable file; links are kept, since a virtual environment is found by them. */
  readonly path: string;
  /** The place where it was found, such as `VIRTUAL_ENV`. */
  readonly source: string;
  /** The places tried before, each with the reason why it was not used. */
  readonly tried: readonly string[];
}

/** Where to look for a Python. */
export interface FindPythonOptions {
  /** The value of `--python`: a path, or a name to be found on PATH. */
  readonly python?: string | undefined;
  /** The module directory, whose `.venv` is used. */
  readonly moduleDir?: string | undefined;
  readonly env: (name: string) => string | undefined;
}

/**
 * Takes the first of: `--python`, `AIMODELLIB_PYTHON`, the module's `.venv`, `VIRTUAL_ENV`, `CONDA_PREFIX`, `python3` and
 * `python` on PATH. The bridge checks the version when Python starts.
 *
 * @throws {UsageError} if `--python` or `AIMODELLIB_PYTHON` names one that can't be run, or none is found; the message lists what was tried
 */
export function findPython({ python, moduleDir, env }: FindPythonOptions): FoundPython {
  const tried: string[] = [];
  const named: [string, string | undefined][] = [["--python", python], ["AIMODELLIB_PYTHON", env("AIMODELLIB_PYTHON")]];
  for (const [source, value] of named) {
    if (!value) {
      tried.push(`${source}: not set`);
      continue;
    }
    const path = value.includes("/") ? absolute(value) : onPath(value, env);
    if (path === undefined) {
      throw new UsageError(`${source} names the Python '${value}', but there is no such program on PATH`);
    }
    const problem = whyNotExecutable(path);
    if (problem !== undefined) {
      throw new UsageError(`${source} names the Python '${value}', but ${problem}`);
    }
    return { path, source, tried };
  }
  const homes: [string, string | undefined][] = [
    ["the module's .venv", moduleDir && `${moduleDir}/.venv`],
    ["VIRTUAL_ENV", env("VIRTUAL_ENV")],
    ["CONDA_PREFIX", env("CONDA_PREFIX")],
  ];
  for (const [source, home] of homes) {
    if (!home) {
      tried.push(`${source}: not set`);
      continue;
    }
    const path = absolute(`${home}/bin/python`);
    const problem = whyNotExecutable(path);
    if (problem === undefined) return { path, source, tried };
    tried.push(`${source}: ${problem}`);
  }
  for (const name of ["python3", "python"]) {
    const path = onPath(name, env);
    if (path !== undefined) return { path, source: `${name} on PATH`, tried };
    tried.push(`${name}: not on PATH`);
  }
  throw new UsageError([
    "No Python was found. Tried:",
    ...tried.map((line) => `  ${line}`),
    "Install Python 3.8 or later, or choose one with --python or AIMODELLIB_PYTHON",
  ]);
}

function absolute(path: string): string {
  return path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;
}

/** The absolute path of a program on PATH; undefined if PATH has no such program. */
export function onPath(name: string, env: FindPythonOptions["env"]): string | undefined {
  for (const folder of (env("PATH") ?? "").split(":")) {
    if (folder === "") continue;
    const path = absolute(`${folder}/${name}`);
    if (whyNotExecutable(path) === undefined) return path;
  }
  return undefined;
}

/** Whether a path is that of an executable file. */
export function isExecutable(path: string): boolean {
  return whyNotExecutable(path) === undefined;
}

function whyNotExecutable(path: string): string | undefined {
  try {
    const { isFile, mode } = Deno.statSync(path);
    if (!isFile) return `'${path}' is not a file`;
    return mode !== null && (mode & 0o111) === 0 ? `'${path}' is not executable` : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return `'${path}' does not exist`;
    return `'${path}' can't be accessed: ${messageOf(error)}`;
  }
}
