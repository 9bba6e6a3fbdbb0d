/** Chooses the program that installs requirements. */

import { AimodellibError } from "../errors.ts";
import { printable } from "../printable.ts";
import { isExecutable, onPath } from "./find_python.ts";
import { pipCommand } from "./pip.ts";

type Env = (name: string) => string | undefined;

/** The facts that determine the installer. */
export interface InstallerChoice {
  /** The path of the base Python. */
  readonly python: string;
  /** Whether the Python has pip. */
  readonly pip: boolean;
  /** Whether the Python has no packages except installers. */
  readonly bare: boolean;
  readonly env: Env;
}

/** A program that installs packages. */
export interface Installer {
  /** Its name in messages. */
  readonly name: string;
  /** The start of a command that installs into the environment of `python`; the packages follow. */
  readonly command: (python: string) => readonly [string, ...string[]];
}

/** Options that keep pip from asking, and from looking for a newer pip. */
const QUIET = ["--no-input", "--disable-pip-version-check"];

/** The start of uv's arguments. Unlike pip, uv compiles only on request; files that a run compiled would have permissions by its umask. */
const UV = ["install", "--compile-bytecode", "--python"];

/**
 * Chooses the installer: `PIP_CMD`; uv, if it would install nothing that the base has; the Python's pip; or uv.
 *
 * @returns undefined if no installer was found
 */
export function chooseInstaller({ python, pip, bare, env }: InstallerChoice): Installer | undefined {
  if (env("PIP_CMD")?.trim()) {
    const named = pipCommand(python, env);
    const name = `PIP_CMD, ${named.join(" ")}`;
    return isUvPip(named)
      // uv lacks pip's options above, and needs to be told the Python.
      ? { name, command: (own) => [...named, ...UV, own] }
      : { name, command: () => [...named, "install", ...QUIET] };
  }
  const uv = findUv(env);
  // uv does not see the base's packages, and would install them again.
  if (uv !== undefined && (bare || !pip)) {
    return { name: `uv, ${uv}`, command: (own) => [uv, "pip", ...UV, own] };
  }
  return pip ? { name: `the Python's pip`, command: (own) => [own, "-m", "pip", "install", ...QUIET] } : undefined;
}

/**
 * The error for requirements without an installer.
 *
 * @param unmet a clause that says which requirements are not met
 */
export function noInstaller(python: string, unmet: string): AimodellibError {
  return new AimodellibError(
    printable(
      `${unmet}, and there is no installer: the Python '${python}' has no pip, and uv is not on PATH. Install pip into that Python, ` +
        "install uv, or choose a Python with all packages with --python",
    ),
  );
}

/** The path of uv: the value of `UV`, which uv sets for programs that it runs, or a program on PATH. */
export function findUv(env: Env): string | undefined {
  const named = env("UV");
  return named?.startsWith("/") && isExecutable(named) ? named : onPath("uv", env);
}

/** Whether a command starts with `uv pip`. */
export function isUvPip(words: readonly string[]): boolean {
  return /^uv(?:\.exe)?$/.test(words[0]!.slice(words[0]!.lastIndexOf("/") + 1)) && words.includes("pip");
}
