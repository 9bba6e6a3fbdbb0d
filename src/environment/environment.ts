/**
 * Environments for what a module's `requirements.txt` asks for and the chosen Python does not have.
 *
 *     CACHE/environments/DIGEST/            made by venv; a .pth file in it names the base Python's own packages
 *     CACHE/environments/DIGEST/.complete   the installer has succeeded
 *
 * 1. The digest is of the Python, the requirements, and the wheels that an archive carries: an environment never changes.
 * 2. One without its mark is what a failure, or a death, has left: it is removed, and made anew.
 * 3. It stays where it was made: scripts in it hold their path.
 */

import { createHash, type Hash } from "node:crypto";
import { lockKept, openShelf, removeIfThere, touch } from "../archive/mod.ts";
import { type Assets, describeExit } from "../bridge/mod.ts";
import { AimodellibError } from "../errors.ts";
import { stat } from "../files.ts";
import { onPath } from "./find_python.ts";
import { pipCommand, runInstaller } from "./pip.ts";

/** When to install. */
export type InstallWhen = "auto" | "always" | "never";

/** What an environment is made of. */
export interface EnvironmentOptions {
  /** Path of the chosen Python. */
  readonly python: string;
  /** The folder with `requirements.txt`, if there is one. */
  readonly module: string;
  /** A folder of wheels, in place of package registries. */
  readonly wheels?: string | undefined;
  readonly install: InstallWhen;
  /** The folder of all that can be made again; undefined if there is none. */
  readonly cacheDir: string | undefined;
  readonly assets: Assets;
  readonly env: (name: string) => string | undefined;
  readonly signal: AbortSignal;
  /** Takes what is to be shown, as it comes. */
  readonly output: (text: string) => void;
}

/** A Python to run with, until this is disposed. */
export interface Environment extends Disposable {
  /** Path of the Python: the chosen one, if nothing had to be installed. */
  readonly python: string;
}

/** What the bridge says of requirements. */
interface Checked {
  /** What is missing; null if nothing is. */
  readonly unmet: string | null;
  /** Where the base Python's packages lie. */
  readonly site: readonly string[];
  /** Whether it has none but those that install others. */
  readonly bare: boolean;
}

/** The shelf of the cache. */
export const ENVIRONMENTS = "environments";

const COMPLETE = ".complete";

/**
 * Makes an environment, if one is needed and is not there yet.
 *
 * @throws {InstallerError} if something can't be installed
 * @throws {AimodellibError} if an environment can't be made
 */
export async function prepareEnvironment(options: EnvironmentOptions): Promise<Environment> {
  const { python, module, install, cacheDir } = options;
  const base = { python, [Symbol.dispose]: () => {} };
  const file = `${module}/requirements.txt`;
  if (install === "never" || !saysSomething(file)) return base;
  const folder = cacheDir === undefined ? undefined : openShelf(`${cacheDir}/${ENVIRONMENTS}`);
  if (folder === undefined) {
    const checked = await check(file, options);
    if (install === "auto" && checked.unmet === null) return base;
    const root = Deno.makeTempDirSync({ prefix: "aimodellib-environment-" });
    const dispose = () => Deno.removeSync(root, { recursive: true });
    try {
      await make(root, checked, options);
      return { python: `${root}/bin/python`, [Symbol.dispose]: dispose };
    } catch (error) {
      dispose();
      throw error;
    }
  }
  const root = `${folder}/${digest(file, options)}`;
  const lock = await lockKept(root);
  try {
    if (!isComplete(root)) {
      const checked = await check(file, options);
      if (install === "auto" && checked.unmet === null) {
        lock.close();
        return base;
      }
      await lock.lock(true);
      // Somebody else may have made it meanwhile.
      if (!isComplete(root)) {
        removeIfThere(root);
        await make(root, checked, options);
        Deno.writeTextFileSync(`${root}/${COMPLETE}`, "");
      }
      await lock.lock(false);
    }
    touch(root);
    return { python: `${root}/bin/python`, [Symbol.dispose]: () => lock.close() };
  } catch (error) {
    lock.close();
    throw error;
  }
}

async function make(root: string, checked: Checked, options: EnvironmentOptions): Promise<void> {
  const { python, module, wheels, env, signal, output } = options;
  output(`Installing ${module}/requirements.txt: ${checked.unmet ?? "--install always"}\n`);
  await runInstaller([python, "-m", "venv", "--without-pip", root], { cwd: module, signal });
  // So that the base Python's packages, a PyTorch of several GB say, need not be installed again.
  const site = sitePackages(root);
  Deno.writeTextFileSync(`${site}/_aimodellib_base.pth`, checked.site.map((path) => `${path}\n`).join(""));
  const own = `${root}/bin/python`;
  const uv = env("PIP_CMD") ? undefined : onPath("uv", env);
  // uv does not see what a base has, and would install it again.
  const command: [string, ...string[]] = uv !== undefined && checked.bare
    ? [uv, "pip", "install", "--python", own]
    : [...pipCommand(own, env), "install", "--no-input", "--disable-pip-version-check"];
  const from = wheels === undefined ? [] : ["--no-index", "--find-links", wheels];
  await runInstaller([...command, ...from, "--requirement", "requirements.txt"], {
    cwd: module,
    signal,
    output,
    // For a `PIP_CMD` that is not that Python's own pip.
    env: { PIP_PYTHON: own, VIRTUAL_ENV: root },
  });
}

/** Asks the chosen Python. */
async function check(file: string, { python, assets, signal }: EnvironmentOptions): Promise<Checked> {
  const output = await new Deno.Command(python, {
    args: [assets.entry, "requirements", "check", file],
    stdin: "null",
    signal,
  }).output();
  signal.throwIfAborted();
  const { success, stdout, stderr } = output;
  if (!success) {
    const words = new TextDecoder().decode(stderr).trim();
    throw new AimodellibError(
      `The Python '${python}' can't tell what is installed: it ended with ${describeExit(output)}\n${words}`,
    );
  }
  return JSON.parse(new TextDecoder().decode(stdout));
}

function digest(file: string, { python, wheels, module }: EnvironmentOptions): string {
  const hash = createHash("sha256");
  const real = Deno.realPathSync(python);
  const { size, mtime } = Deno.statSync(real);
  hash.update(JSON.stringify([python, real, size, mtime?.getTime()]));
  hashRequirements(hash, file, new Set());
  // What is installed from the module itself is of that module alone.
  if (/^\s*(-e|--editable|\.)/m.test(Deno.readTextFileSync(file))) hash.update(JSON.stringify(module));
  if (wheels !== undefined) {
    const names = [...Deno.readDirSync(wheels)].map(({ name }) => [name, Deno.statSync(`${wheels}/${name}`).size]);
    hash.update(JSON.stringify(names.sort()));
  }
  return hash.digest("hex").slice(0, 32);
}

/** With the files that it names. */
function hashRequirements(hash: Hash, file: string, seen: Set<string>): void {
  if (seen.has(file)) return;
  seen.add(file);
  let text: string;
  try {
    text = Deno.readTextFileSync(file);
  } catch {
    // The installer will say so.
    return;
  }
  hash.update(JSON.stringify(text));
  const folder = file.slice(0, file.lastIndexOf("/"));
  for (const [, name] of text.matchAll(/^\s*(?:-r|-c|--requirement|--constraint)[\s=]*(\S+)/gm)) {
    hashRequirements(hash, name!.startsWith("/") ? name! : `${folder}/${name}`, seen);
  }
}

/** Whether there is more in it than comments. */
function saysSomething(file: string): boolean {
  try {
    return Deno.readTextFileSync(file).split("\n").some((line) => /^\s*[^#\s]/.test(line));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function sitePackages(root: string): string {
  for (const { name } of Deno.readDirSync(`${root}/lib`)) {
    if (/^python3\.\d+t?$/.test(name)) return `${root}/lib/${name}/site-packages`;
  }
  throw new AimodellibError(`The environment '${root}' has no folder for packages`);
}

function isComplete(root: string): boolean {
  return stat(`${root}/${COMPLETE}`)?.isFile ?? false;
}
