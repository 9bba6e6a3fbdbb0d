/**
 * Makes and caches environments with the packages that a module's `requirements.txt` needs and the chosen Python lacks.
 *
 *     GENERATION/               made by venv; a .pth file in it names the base Python's own packages
 *     GENERATION/archive/       a copy of the module's archive
 *     GENERATION/.complete      exists once the installer has succeeded
 *
 * 1. The cache key covers everything that determines the content (see `key.ts`; `../cache/shelf.ts` keeps the folders).
 * 2. The key is made again after the installation, because the installer reads the files later than this program. If something has
 *    changed, the environment is not kept.
 * 3. An environment is never moved: the scripts in it contain its path.
 */

import { createHash } from "node:crypto";
import { isFull } from "../cache/full.ts";
import { distrustOf, distrustOfTree, keepOthersFromWriting } from "../cache/private.ts";
import { isNoSpace, keep, openShelf } from "../cache/shelf.ts";
import { makeTemporaryFolder, temporaryPlace } from "../cache/temporary.ts";
import { AimodellibError } from "../errors.ts";
import { exists, stat } from "../files.ts";
import { RESOLVED_NAME } from "../archive/mod.ts";
import { installFromList, NO_SETTINGS } from "./wheels.ts";
import { printable } from "../printable.ts";
import { fingerprint, identityOf, pthLine, type SiteFolder } from "./base.ts";
import { type Checked, checkRequirements, requirementsOf } from "./check_requirements.ts";
import { chooseInstaller, findUv, noInstaller } from "./installer.ts";
import { changeBetween, type Inputs, inputsOf } from "./key.ts";
import { asItIs, type Environment, type EnvironmentOptions, ENVIRONMENTS, variablesOf } from "./options.ts";
import { InstallerError, runInstaller } from "./pip.ts";

const COMPLETE = ".complete";

/**
 * Returns an environment for a module with requirements: the chosen Python itself, a cached environment, or a new one.
 *
 * @throws {InstallerError} if a package can't be installed
 * @throws {AimodellibError} if an environment can't be made
 */
export async function meetRequirements(options: EnvironmentOptions): Promise<Environment> {
  try {
    return await prepare(options, "throw");
  } catch (error) {
    if (!(error instanceof InputsChanged)) throw error;
    options.output(`${printable(error.message)} changed during the installation, which is repeated\n`);
    return await prepare(options, "use once");
  }
}

/** Prepares an environment. @param onChange what to do with one whose inputs changed while it was made */
async function prepare(options: EnvironmentOptions, onChange: "throw" | "use once"): Promise<Environment> {
  const { python, module, install, cacheDir, env, output, signal } = options;
  const base = asItIs(python, env);
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
    const root = makeTemporaryFolder("environment", env);
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
    const inputsNow = async (site: () => Promise<readonly SiteFolder[]>) =>
      inputsOf({ ...options, base: await describeBase(shelf, python, env, site) });
    const inputs = await inputsNow(async () => (await checked()).site);
    const isWhole = (root: string) =>
      stat(`${root}/${COMPLETE}`)?.isFile === true && distrustOfTree(root) === undefined;
    const { root, [Symbol.dispose]: release } = await keep(shelf, inputs.key, {
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
        const change = await changeSince(
          inputs,
          () => inputsNow(async () => (await checkRequirements([], options)).site),
        );
        if (change === undefined) return "keep";
        if (onChange === "throw") throw new InputsChanged(change);
        output(`${printable(change)} changed during the installation: the environment is used for this run only\n`);
        return "use once";
      },
    });
    return made(root, release);
  } catch (error) {
    if (error instanceof NothingToInstall) return base;
    if (signal.aborted || !(isNoSpace(error) || isFull(shelf))) throw error;
    output(`The cache '${printable(shelf)}' is full; this run uses a temporary folder\n`);
    return await makeForOneRun();
  }
}

/** Names the list of requirements in messages. */
function nameOf({ module, archive }: EnvironmentOptions): string {
  return archive === undefined ? `${module}/requirements.txt` : `the requirements.txt of ${archive.label}`;
}

/** Signals that the Python meets all requirements and needs no environment. */
class NothingToInstall extends Error {}

/** Something changed that the installer may have read before or after; the message names it. */
class InputsChanged extends Error {}

async function changeSince(before: Inputs, inputsNow: () => Promise<Inputs>): Promise<string | undefined> {
  try {
    return changeBetween(before, await inputsNow());
  } catch (error) {
    // A file or folder was removed while it was read.
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return "A file that is installed";
    }
    throw error;
  }
}

/** Identifies a Python and its packages. Starts the Python only if the folders of its packages are unknown or have changed. */
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

/** Makes an environment in its final place. */
async function make(root: string, checked: Checked, options: EnvironmentOptions): Promise<void> {
  const { python, wheels, assets, env, signal, output } = options;
  const missing = checked.unmet ?? "--install always";
  const installer = chooseInstaller({ python, env, ...checked });
  if (installer === undefined) throw noInstaller(python, `${nameOf(options)} is not met (${missing})`);
  const venv = venvCommand(root, options, checked);
  output(`${printable(`Installing ${nameOf(options)}: ${missing}`)}\n`);
  const supervisor = [python, assets.entry, "supervise"] as const;
  await runInstaller(venv, { cwd: options.module, signal, supervisor });
  // The environment sees the base Python's packages: a PyTorch of several GB, for example, is not installed again.
  const site = checked.site.filter(({ there }) => there).map((folder) => `${pthLine(folder)}\n`);
  Deno.writeTextFileSync(`${sitePackages(root)}/_aimodellib_base.pth`, site.join(""));
  const own = `${root}/bin/python`;
  const listed = wheels !== undefined && exists(`${wheels}/${RESOLVED_NAME}`);
  // Archives of other programs and earlier versions may contain wheels without a list.
  const what = listed
    ? installFromList(wheels)
    : [...(wheels === undefined ? [] : ["--no-index", "--find-links", wheels]), "--requirement", "requirements.txt"];
  const command = installer.command(own);
  await runInstaller([...command, ...what], {
    cwd: sourceOf(root, options),
    signal,
    output,
    supervisor,
    env: {
      // These tell a `PIP_CMD` of another Python where to install. The environment's own pip would start itself a second time if it were told;
      // an empty text keeps it from a setting of the user's that names another Python.
      PIP_PYTHON: command[0] === own ? "" : own,
      VIRTUAL_ENV: root,
      // Packages are built there.
      TMPDIR: temporaryPlace(env),
      ...(listed && NO_SETTINGS),
    },
  });
  if (listed && checked.pip) await checkListed(wheels, own, options);
}

/** Checks that wheels listed for one Python suffice for another. @throws {InstallerError} if packages are missing; names them */
async function checkListed(wheels: string, python: string, options: EnvironmentOptions): Promise<void> {
  const list = Deno.readTextFileSync(`${wheels}/${RESOLVED_NAME}`);
  const lines = list.split("\n").map((line) => line.replace(/ --hash=.*/, "")).filter((line) => line !== "");
  const { unmet } = await checkRequirements(lines, { ...options, python, installed: true });
  if (unmet === null) return;
  throw new InstallerError(
    `The wheels for ${printable(nameOf(options))} do not suffice for this Python: ${
      printable(unmet)
    }. Package it again with ` +
      "--bundle-wheels on this machine, or for this machine with --python-version and --platform",
  );
}

/** The command that makes an empty environment: `venv`, or uv for a Python without it. */
function venvCommand(root: string, options: EnvironmentOptions, { venv }: Checked): [string, ...string[]] {
  const { python, env } = options;
  if (venv) return [python, "-m", "venv", "--without-pip", root];
  const uv = findUv(env);
  if (uv !== undefined) return [uv, "venv", "--quiet", "--no-project", "--python", python, root];
  throw new AimodellibError(
    `An environment for ${printable(nameOf(options))} can't be created: the Python '${
      printable(python)
    }' has no module venv, and uv is not on PATH. ` +
      "Install python3-venv or uv, or choose another Python with --python",
  );
}

/** The working directory of the installer. An archive is copied first, because an editable installation refers to this folder. */
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

function sitePackages(root: string): string {
  for (const { name } of Deno.readDirSync(`${root}/lib`)) {
    if (/^(?:python|pypy)3\.\d+t?$/.test(name)) return `${root}/lib/${name}/site-packages`;
  }
  throw new AimodellibError(`The environment '${root}' has no site-packages folder in lib/python3.*`);
}
