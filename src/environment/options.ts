/** What determines the Python of a run, and the Python itself. */

import type { Assets } from "../bridge/mod.ts";
import { pyvenvOf } from "./base.ts";

/** When to install requirements: if some are not met, at each start, or never. */
export type InstallWhen = "auto" | "always" | "never";

/** Everything that determines an environment. */
export interface EnvironmentOptions {
  /** The path of the chosen Python. */
  readonly python: string;
  /** The module's folder, which may contain a `requirements.txt`. */
  readonly module: string;
  /** The archive that contains the module. */
  readonly archive?: EnvironmentArchive | undefined;
  /** A folder of wheels to install from instead of package registries. */
  readonly wheels?: string | undefined;
  readonly install: InstallWhen;
  /** The cache directory; undefined to make an environment for this run alone. */
  readonly cacheDir: string | undefined;
  readonly assets: Assets;
  readonly env: (name: string) => string | undefined;
  readonly signal: AbortSignal;
  /** Shows text, which comes in pieces. */
  readonly output: (text: string) => void;
}

/** The archive that contains a module. */
export interface EnvironmentArchive {
  /** The archive's name in messages, such as `'model.tar.gz'` in quotes. */
  readonly label: string;
  readonly sha256: string;
  /** Whether a signature was demanded; a signed archive shares its environment with no other archive. */
  readonly signed: boolean;
  /** The absolute path of the unpacked root. */
  readonly root: string;
}

/** A Python for a run, whose environment stays until this is disposed. */
export interface Environment extends Disposable {
  /** The path of the Python: the chosen one if nothing had to be installed. */
  readonly python: string;
  /** Variables for the script: `PATH` with the programs of the packages first. */
  readonly variables: Readonly<Record<string, string>>;
}

/** The folder of the cache directory for environments. */
export const ENVIRONMENTS = "environments";

/** The chosen Python, to which nothing is added. */
export function asItIs(python: string, env: (name: string) => string | undefined): Environment {
  return { python, variables: variablesOf([python], env), [Symbol.dispose]: () => {} };
}

/** `PATH` with the programs of virtual environments first, as an activated environment has it. */
export function variablesOf(
  pythons: readonly string[],
  env: (name: string) => string | undefined,
): Record<string, string> {
  const folders = pythons
    .filter((python) => pyvenvOf(python) !== null)
    .map((python) => python.slice(0, python.lastIndexOf("/")));
  const path = env("PATH")?.split(":") ?? [];
  const first = folders.filter((folder, i) => path[i] !== folder);
  return first.length === 0
    ? {}
    : { PATH: [...folders, ...path.filter((folder) => !folders.includes(folder))].join(":") };
}
