/**
 * Environments for what a module's `requirements.txt` asks for and the chosen Python does not have.
 *
 *     GENERATION/               made by venv; a .pth file in it names the base Python's own packages
 *     GENERATION/archive/       a copy of the archive that the module is from
 *     GENERATION/.complete      the installer has succeeded
 *
 * 1. An environment is kept by what decides its content (see `key.ts`), on a shelf of the cache (`../cache/shelf.ts`).
 * 2. It stays where it was made: scripts in it hold their path.
 */

import { createHash } from "node:crypto";
import type { Assets } from "../bridge/mod.ts";
import { isFull } from "../cache/full.ts";
import { distrustOf, distrustOfTree, keepOthersFromWriting } from "../cache/private.ts";
import { isNoSpace, keep, openShelf } from "../cache/shelf.ts";
import { AimodellibError } from "../errors.ts";
import { exists, stat } from "../files.ts";
import { RESOLVED_NAME } from "../archive/mod.ts";
import { installFromList, NO_SETTINGS } from "./wheels.ts";
import { printable } from "../printable.ts";
import { fingerprint, identityOf, pthLine, pyvenvOf, type SiteFolder } from "./base.ts";
import { type Checked, checkRequirements, requirementsOf } from "./check_requirements.ts";
import { chooseInstaller, findUv, noInstaller } from "./installer.ts";
import { keyOf } from "./key.ts";
import { InstallerError, runInstaller } from "./pip.ts";

/** When requirements are installed: if some are not met, at each start, or never. */
export type InstallWhen = "auto" | "always" | "never";

/** What an environment is made of. */
export interface EnvironmentOptions {
  /** Path of the chosen Python. */
  readonly python: string;
  /** The folder with `requirements.txt`, if there is one. */
  readonly module: string;
  /** The archive that the module is from. */
  readonly archive?: EnvironmentArchive | undefined;
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

/** An archive that a module is from. */
export interface EnvironmentArchive {
  /** As it was named. */
  readonly name: string;
  readonly sha256: string;
  /** Whether it was demanded that it is signed: what is installed for it is shared with no other archive then. */
  readonly signed: boolean;
  /** The absolute path of its root. */
  readonly root: string;
}

/** A Python to run with, until this is disposed. */
export interface Environment extends Disposable {
  /** Path of the Python: the chosen one, if nothing had to be installed. */
  readonly python: string;
  /** Variables for what runs with it: programs that its packages bring are found first. */
  readonly variables: Readonly<Record<string, string>>;
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
  const { python, module, install, cacheDir, env, output, signal } = options;
  const base = { python, variables: variablesOf([python], env), [Symbol.dispose]: () => {} };
  const lines = requirementsOf(module, env);
  if (install === "never" || lines.length === 0) return base;
  let asked: Promise<Checked> | undefined;
  const checked = () => asked ??= checkRequirements(lines, options);
  const isMet = async () => install === "auto" && (await checked()).unmet === null;
  const made = (root: string, dispose: () => void): Environment => ({
    python: `${root}/bin/python`,
    variables: variablesOf([`${root}/bin/python`, python], env),
    [Symbol.dispose]: dispose,
  });
  const makeForOneRun = async (): Promise<Environment> => {
    if (await isMet()) return base;
    const root = Deno.makeTempDirSync({ prefix: "aimodellib-environment-" });
    const dispose = () => Deno.removeSync(root, { recursive: true });
    try {
      await make(root, await checked(), options);
      return made(root, dispose);
    } catch (error) {
      dispose();
      throw error;
    }
  };
  const shelf = cacheDir === undefined ? undefined : openShelf(`${cacheDir}/${ENVIRONMENTS}`, output);
  if (shelf === undefined) return await makeForOneRun();
  try {
    const base = await describeBase(shelf, python, env, async () => (await checked()).site);
    const digest = keyOf({ ...options, base });
    const isWhole = (root: string) =>
      stat(`${root}/${COMPLETE}`)?.isFile === true && distrustOfTree(root) === undefined;
    const { root, [Symbol.dispose]: release } = await keep(shelf, digest, {
      signal,
      say: output,
      what: `installs ${nameOf(options)}`,
      anew: install === "always",
      isWhole,
      async make(root) {
        if (await isMet()) throw new NothingToInstall();
        await make(root, await checked(), options);
        keepOthersFromWriting(root);
        Deno.writeTextFileSync(`${root}/${COMPLETE}`, "", { mode: 0o600 });
      },
    });
    return made(root, release);
  } catch (error) {
    if (error instanceof NothingToInstall) return base;
    if (signal.aborted || !(isNoSpace(error) || isFull(shelf))) throw error;
    output(`The cache '${printable(shelf)}' is full: a temporary folder is used for this run\n`);
    return await makeForOneRun();
  }
}

/** What is installed, in words. */
function nameOf({ module, archive }: EnvironmentOptions): string {
  return archive === undefined ? `${module}/requirements.txt` : `the requirements.txt of '${archive.name}'`;
}

/** The Python has everything: no environment is needed. */
class NothingToInstall extends Error {}

/** Says which Python it is and which packages it has. Where these lie is asked only if it is not known, or something has changed there. */
async function describeBase(
  shelf: string,
  python: string,
  env: (name: string) => string | undefined,
  ask: () => Promise<readonly SiteFolder[]>,
): Promise<string> {
  const identity = identityOf(python, env);
  const path = `${shelf}/python-${createHash("sha256").update(identity).digest("hex").slice(0, 32)}.json`;
  try {
    if (distrustOf(path) === undefined) {
      const { site, packages } = JSON.parse(Deno.readTextFileSync(path));
      if (fingerprint(site) === packages) return `${identity} ${packages}`;
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof SyntaxError || error instanceof TypeError)) {
      throw error;
    }
  }
  const site = await ask();
  const packages = fingerprint(site);
  const temporary = `${path}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  Deno.writeTextFileSync(temporary, JSON.stringify({ site, packages }), { mode: 0o600 });
  Deno.renameSync(temporary, path);
  return `${identity} ${packages}`;
}

/** Makes an environment, at a place that it stays in. */
async function make(root: string, checked: Checked, options: EnvironmentOptions): Promise<void> {
  const { python, wheels, assets, env, signal, output } = options;
  const missing = checked.unmet ?? "--install always";
  const installer = chooseInstaller({ python, env, ...checked });
  if (installer === undefined) throw noInstaller(python, `${nameOf(options)} is not met (${missing})`);
  const venv = venvCommand(root, options, checked);
  output(`${printable(`Installing ${nameOf(options)}: ${missing}`)}\n`);
  const supervisor = [python, assets.entry, "supervise"] as const;
  await runInstaller(venv, { cwd: options.module, signal, supervisor });
  // The base Python's packages, a PyTorch of several GB say, need not be installed again.
  const site = checked.site.filter(({ there }) => there).map((folder) => `${pthLine(folder)}\n`);
  Deno.writeTextFileSync(`${sitePackages(root)}/_aimodellib_base.pth`, site.join(""));
  const own = `${root}/bin/python`;
  const listed = wheels !== undefined && exists(`${wheels}/${RESOLVED_NAME}`);
  // Archives of other programs, and of earlier versions, have wheels without a list.
  const what = listed
    ? installFromList(wheels)
    : [...(wheels === undefined ? [] : ["--no-index", "--find-links", wheels]), "--requirement", "requirements.txt"];
  await runInstaller([...installer.command(own), ...what], {
    cwd: sourceOf(root, options),
    signal,
    output,
    supervisor,
    // For a `PIP_CMD` that is not that Python's own pip.
    env: { PIP_PYTHON: own, VIRTUAL_ENV: root, ...(listed && NO_SETTINGS) },
  });
  if (listed && checked.pip) await checkListed(wheels, own, options);
}

/** Their list was made for one Python: another may need more. @throws {InstallerError} which names what it lacks */
async function checkListed(wheels: string, python: string, options: EnvironmentOptions): Promise<void> {
  const list = Deno.readTextFileSync(`${wheels}/${RESOLVED_NAME}`);
  const lines = list.split("\n").map((line) => line.replace(/ --hash=.*/, "")).filter((line) => line !== "");
  const { unmet } = await checkRequirements(lines, { ...options, python });
  if (unmet === null) return;
  throw new InstallerError(
    `The wheels of ${printable(nameOf(options))} are not all that this Python needs: ${unmet}. Package it again with ` +
      "--bundle-wheels on this machine, or for it with --python-version and --platform",
  );
}

/** The command that makes an environment without packages; not every Python has `venv`. */
function venvCommand(root: string, options: EnvironmentOptions, { venv }: Checked): [string, ...string[]] {
  const { python, env } = options;
  if (venv) return [python, "-m", "venv", "--without-pip", root];
  const uv = findUv(env);
  if (uv !== undefined) return [uv, "venv", "--quiet", "--no-project", "--python", python, root];
  throw new AimodellibError(
    `No environment can be made for ${printable(nameOf(options))}: the Python '${
      printable(python)
    }' has no module venv, and uv is not on PATH. ` +
      "Install python3-venv or uv, or name another Python with --python",
  );
}

/** The folder that requirements are installed from. An archive's is a copy that stays: an editable installation refers to it. */
function sourceOf(root: string, { module, archive }: EnvironmentOptions): string {
  if (archive === undefined) return module;
  const copy = `${root}/archive`;
  copyTree(archive.root, copy);
  return `${copy}${module.slice(archive.root.length)}`;
}

function copyTree(from: string, to: string): void {
  Deno.mkdirSync(to, { mode: 0o700 });
  for (const { name, isDirectory, isSymlink } of Deno.readDirSync(from)) {
    const [source, target] = [`${from}/${name}`, `${to}/${name}`];
    if (isSymlink) Deno.symlinkSync(Deno.readLinkSync(source), target);
    else if (isDirectory) copyTree(source, target);
    else Deno.copyFileSync(source, target);
  }
}

/** `PATH` with the folders of virtual environments first: their programs are meant where a script names one. */
function variablesOf(pythons: readonly string[], env: (name: string) => string | undefined): Record<string, string> {
  const folders = pythons
    .filter((python) => pyvenvOf(python) !== null)
    .map((python) => python.slice(0, python.lastIndexOf("/")));
  const path = env("PATH")?.split(":") ?? [];
  const first = folders.filter((folder, i) => path[i] !== folder);
  return first.length === 0
    ? {}
    : { PATH: [...folders, ...path.filter((folder) => !folders.includes(folder))].join(":") };
}

function sitePackages(root: string): string {
  for (const { name } of Deno.readDirSync(`${root}/lib`)) {
    if (/^(?:python|pypy)3\.\d+t?$/.test(name)) return `${root}/lib/${name}/site-packages`;
  }
  throw new AimodellibError(`The environment '${root}' has no folder for packages`);
}
