/**
 * Gathers, with pip, the wheels of a `requirements.txt` and their dependencies, for hosts that reach no package registry.
 *
 * The lines of `requirements.txt` may need a network or not apply to wheels: URLs, folders to build, hashes of source distributions.
 * Therefore a list of the gathered wheels is written beside them, and runs install from that list.
 */

import { hashFile, RESOLVED_NAME } from "../archive/mod.ts";
import type { Assets } from "../bridge/mod.ts";
import { makeTemporaryFolder } from "../cache/temporary.ts";
import { reasonOf } from "../errors.ts";
import { printable } from "../printable.ts";
import { isUvPip } from "./installer.ts";
import { InstallerError, type InstallerOptions, pipCommand, runInstaller } from "./pip.ts";

/** Which wheels are gathered, and for which Python and platform. */
export interface WheelsOptions {
  /** The path of the Python whose pip gathers the wheels; they are for this Python unless the options below say otherwise. */
  readonly python: string;
  /** The module's folder, with its `requirements.txt`. */
  readonly module: string;
  /** Another Python version, such as `3.12`. */
  readonly pythonVersion?: string | undefined;
  /** Other platforms, such as `manylinux_2_28_x86_64`. */
  readonly platforms: readonly string[];
  /** The folder for the wheels. */
  readonly folder: string;
  readonly assets: Assets;
  readonly env: (name: string) => string | undefined;
  readonly signal: AbortSignal;
  /** Gets pip's output as it comes. Without this function, the output becomes a part of an error. */
  readonly output?: ((text: string) => void) | undefined;
}

/** The options of pip that install exactly the wheels of the list, without resolving dependencies again. */
export function installFromList(wheels: string): string[] {
  return ["--no-index", "--find-links", wheels, "--no-deps", "--requirement", `${wheels}/${RESOLVED_NAME}`];
}

/** Variables that turn off settings of pip and uv, which could change what is installed from a list. */
export const NO_SETTINGS: Readonly<Record<string, string>> = {
  PIP_CONFIG_FILE: "/dev/null",
  PIP_CONSTRAINT: "",
  PIP_NO_BINARY: "",
  UV_CONSTRAINT: "",
  UV_NO_CONFIG: "1",
};

/**
 * Gathers the wheels, writes their list, and tries to install from it. For this machine, missing wheels are built; for another one, only
 * if they run on every machine.
 *
 * @throws {InstallerError} if pip can't gather or install a requirement; the message names it
 */
export async function gatherWheels(options: WheelsOptions): Promise<void> {
  const { python, module, pythonVersion, platforms, folder, assets, env, signal, output } = options;
  const target = [
    ...(pythonVersion === undefined ? [] : ["--python-version", pythonVersion]),
    ...platforms.flatMap((platform) => ["--platform", platform]),
  ];
  const command = pipCommand(python, env);
  if (isUvPip(command)) {
    throw new InstallerError(
      `PIP_CMD is '${
        printable(command.join(" "))
      }', and uv neither downloads nor builds wheels: unset PIP_CMD, and choose a Python with ` +
        "pip with --python",
    );
  }
  const temporary = makeTemporaryFolder("trial", env);
  const pip = async (words: readonly string[], more: Pick<InstallerOptions, "env" | "output"> = { output }) => {
    const [name, ...rest] = words;
    const common = ["--no-input", "--disable-pip-version-check"];
    const supervisor = [python, assets.entry, "supervise"] as const;
    const whole = [...command, name!, ...rest, ...common];
    await runInstaller(whole as [string, ...string[]], {
      cwd: module,
      signal,
      supervisor,
      ...more,
      // Packages are built there.
      env: { TMPDIR: temporary, ...more.env },
    });
  };
  try {
    if (target.length === 0) await pip(["wheel", "--wheel-dir", folder, "--requirement", "requirements.txt"]);
    else await gatherForOther(pip, target, folder, temporary);
    const list = listOf(folder);
    if (list === "") return;
    Deno.writeTextFileSync(`${folder}/${RESOLVED_NAME}`, list);
    // With `--target`, pip ignores installed packages, as in a fresh environment.
    const trial = ["install", "--target", `${temporary}/site`, "--no-compile", ...binary(target)];
    try {
      await pip([...trial, ...installFromList(folder)], { env: NO_SETTINGS });
    } catch (cause) {
      signal.throwIfAborted();
      throw new InstallerError(`The wheels can't be installed without a package registry: ${reasonOf(cause)}`, {
        cause,
      });
    }
  } finally {
    Deno.removeSync(temporary, { recursive: true });
  }
}

type Pip = (words: readonly string[], more?: Pick<InstallerOptions, "env" | "output">) => Promise<void>;

/** An item of pip's installation report. */
interface Found {
  readonly metadata: { readonly name: string };
  readonly download_info: { readonly url: string; readonly dir_info?: unknown; readonly vcs_info?: unknown };
}

/** Downloads wheels for another Python or machine. It builds folders and repositories itself, because `pip download` does not. */
async function gatherForOther(pip: Pip, target: readonly string[], folder: string, temporary: string): Promise<void> {
  const requirements = ["--requirement", "requirements.txt"];
  await pip(["download", ...binary(target), "--dest", folder, ...requirements]);
  const report = `${temporary}/report.json`;
  const dry = ["install", "--dry-run", "--quiet", "--ignore-installed", "--target", `${temporary}/none`];
  await pip([...dry, "--report", report, ...binary(target), ...requirements], {});
  const { install }: { readonly install: readonly Found[] } = JSON.parse(Deno.readTextFileSync(report));
  for (const { metadata, download_info: { url, dir_info, vcs_info } } of install) {
    if (dir_info === undefined && vcs_info === undefined) continue;
    const source = dir_info === undefined ? addressOf(url, vcs_info) : decodeURIComponent(new URL(url).pathname);
    const built = `${temporary}/${metadata.name}`;
    await pip(["wheel", "--no-deps", "--wheel-dir", built, source]);
    for (const name of wheelsIn(built)) {
      if (!name.endsWith("-none-any.whl")) {
        throw new InstallerError(
          `'${metadata.name}' is built from ${url} for this machine only (${name}): build its wheel on the other machine, and ` +
            "list that in requirements.txt",
        );
      }
      Deno.copyFileSync(`${built}/${name}`, `${folder}/${name}`);
    }
  }
  for (const { name } of Deno.readDirSync(folder)) if (!name.endsWith(".whl")) Deno.removeSync(`${folder}/${name}`);
}

/** The URL of a repository at the commit that pip has resolved. */
function addressOf(url: string, info: unknown): string {
  const { vcs, commit_id: commit } = info as { readonly vcs: string; readonly commit_id: string };
  return `${vcs}+${url}@${commit}`;
}

/** The options for another Python or machine, for which pip requires `--only-binary`. */
function binary(target: readonly string[]): string[] {
  return target.length === 0 ? [] : ["--only-binary=:all:", ...target];
}

/** The text of the list: name, version and hash of each wheel. */
function listOf(folder: string): string {
  return wheelsIn(folder).map((name) => {
    const [distribution, version] = name.split("-");
    return `${distribution}==${version} --hash=sha256:${hashFile(`${folder}/${name}`)}\n`;
  }).join("");
}

function wheelsIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(".whl")).sort();
}
