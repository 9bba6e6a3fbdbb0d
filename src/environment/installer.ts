/** Chooses the program that installs requirements. */

import { AimodellibError } from "../errors.ts";
import { printable } from "../printable.ts";
import { isExecutable, onPath } from "./find_python.ts";
import { pipCommand } from "./pip.ts";

type Env = (name: string) => string | undefined;

/** The facts that determine the installer. */
export interface InstallerChoice {
  /** Path of the base Python. */
  readonly python: string;
  /** Whether it has pip. */
  readonly pip: boolean;
  /** Whether it has no packages except installers. */
  readonly bare: boolean;
  readonly env: Env;
}

/** A program that installs. */
export interface Installer {
  /** Its name in messages. */
  readonly name: string;
  /** The words of a command that installs into an environment, less what is to be installed. */
  readonly command: (python: string) => readonly [string, ...string[]];
}

/** Options that keep pip from asking, and from looking for a newer pip. */
const QUIET = ["--no-input", "--disable-pip-version-check"];

/** What uv is told. pip compiles by itself; what runs compile would be left to the umask of their user. */
const UV = ["install", "--compile-bytecode", "--python"];

/**
 * Chooses it: `PIP_CMD`; uv, if it would install nothing that the base has; the Python's pip; or uv.
 *
 * @returns undefined if no installer was found
 */
export function chooseInstaller({ python, pip, bare, env }: InstallerChoice): Installer | undefined {
  if (env("PIP_CMD")?.trim()) {
    const named = pipCommand(python, env);
    const name = `PIP_CMD, ${named.join(" ")}`;
    return isUvPip(named)
      // uv knows none of pip's options above, and would look for a Python elsewhere.
      ? { name, command: (own) => [...named, ...UV, own] }
      : { name, command: () => [...named, "install", ...QUIET] };
  }
  const uv = findUv(env);
  // uv does not see what a base has, and would install it again.
  if (uv !== undefined && (bare || !pip)) {
    return { name: `uv, ${uv}`, command: (own) => [uv, "pip", ...UV, own] };
  }
  return pip ? { name: `the Python's pip`, command: (own) => [own, "-m", "pip", "install", ...QUIET] } : undefined;
}

/**
 * The error for requirements that nothing can install.
 *
 * @param unmet what is not met, as the beginning of a sentence
 */
export function noInstaller(python: string, unmet: string): AimodellibError {
  return new AimodellibError(
    printable(
      `${unmet}, and there is no installer: the Python '${python}' has no pip, and uv is not on PATH. Install pip into that Python, ` +
        "install uv, or name a Python that has everything with --python",
    ),
  );
}

/** The path of uv: `UV`, which uv sets for what it runs, or on PATH. */
export function findUv(env: Env): string | undefined {
  const named = env("UV");
  return named?.startsWith("/") && isExecutable(named) ? named : onPath("uv", env);
}

/** Whether words are those of `uv pip`, perhaps with options behind them. */
export function isUvPip(words: readonly string[]): boolean {
  return /^uv(?:\.exe)?$/.test(words[0]!.slice(words[0]!.lastIndexOf("/") + 1)) && words.includes("pip");
}
