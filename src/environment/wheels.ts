/**
 * Gathers the wheels of a `requirements.txt` and of what they need, through pip, for hosts that reach no package registry.
 *
 * What `requirements.txt` says may need a network, or no longer be true of wheels: an address, a folder to build, the hash of a source
 * distribution. A list of the wheels themselves stands beside them, and is what is installed.
 */

import { hashFile, RESOLVED_NAME } from "../archive/mod.ts";
import type { Assets } from "../bridge/mod.ts";
import { reasonOf } from "../errors.ts";
import { printable } from "../printable.ts";
import { isUvPip } from "./installer.ts";
import { InstallerError, type InstallerOptions, pipCommand, runInstaller } from "./pip.ts";

/** What is to be gathered, and for whom. */
export interface WheelsOptions {
  /** Path of the Python whose pip does it; the wheels are for it, unless the next two say otherwise. */
  readonly python: string;
  /** The folder with `requirements.txt`. */
  readonly module: string;
  /** Such as `3.12`. */
  readonly pythonVersion?: string | undefined;
  /** Such as `manylinux_2_28_x86_64`. */
  readonly platforms: readonly string[];
  /** The folder that they are written to. */
  readonly folder: string;
  readonly assets: Assets;
  readonly env: (name: string) => string | undefined;
  readonly signal: AbortSignal;
  /** Takes what pip says, as it says it; without it, that is part of an error. */
  readonly output?: ((text: string) => void) | undefined;
}

/** Options of pip with which it installs from wheels and their list alone: pip resolved it all when the list was made. */
export function installFromList(wheels: string): string[] {
  return ["--no-index", "--find-links", wheels, "--no-deps", "--requirement", `${wheels}/${RESOLVED_NAME}`];
}

/** Variables without which settings of pip and uv could keep them from installing exactly the wheels of a list. */
export const NO_SETTINGS: Readonly<Record<string, string>> = {
  PIP_CONFIG_FILE: "/dev/null",
  PIP_CONSTRAINT: "",
  PIP_NO_BINARY: "",
  UV_CONSTRAINT: "",
  UV_NO_CONFIG: "1",
};

/**
 * Gathers them, writes their list, and tries to install it. For this machine, what there is no wheel of is built; for another, only
 * what runs on every machine is.
 *
 * @throws {InstallerError} which names the requirement, if pip can't gather or install them
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
      }', and uv neither downloads nor builds wheels: unset PIP_CMD, and name a Python that has ` +
        "pip with --python",
    );
  }
  const temporary = Deno.makeTempDirSync({ prefix: "aimodellib-trial-" });
  const pip = async (words: readonly string[], more: Pick<InstallerOptions, "env" | "output"> = { output }) => {
    const [name, ...rest] = words;
    const common = ["--no-input", "--disable-pip-version-check"];
    const supervisor = [python, assets.entry, "supervise"] as const;
    const whole = [...command, name!, ...rest, ...common];
    await runInstaller(whole as [string, ...string[]], { cwd: module, signal, supervisor, ...more });
  };
  try {
    if (target.length === 0) await pip(["wheel", "--wheel-dir", folder, "--requirement", "requirements.txt"]);
    else await gatherForOther(pip, target, folder, temporary);
    const list = listOf(folder);
    if (list === "") return;
    Deno.writeTextFileSync(`${folder}/${RESOLVED_NAME}`, list);
    // A folder of its own is as good as a fresh environment: what is installed elsewhere is not looked at.
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

/** What pip's report says of something that it would install. */
interface Found {
  readonly metadata: { readonly name: string };
  readonly download_info: { readonly url: string; readonly dir_info?: unknown; readonly vcs_info?: unknown };
}

/** Downloads wheels for another Python or machine, and builds folders and repositories, which pip does not. */
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
          `'${metadata.name}' is built from ${url} for this machine alone (${name}): build its wheel on the other one, and ` +
            "name that in requirements.txt",
        );
      }
      Deno.copyFileSync(`${built}/${name}`, `${folder}/${name}`);
    }
  }
  for (const { name } of Deno.readDirSync(folder)) if (!name.endsWith(".whl")) Deno.removeSync(`${folder}/${name}`);
}

/** The address of a repository, at the commit that pip has found. */
function addressOf(url: string, info: unknown): string {
  const { vcs, commit_id: commit } = info as { readonly vcs: string; readonly commit_id: string };
  return `${vcs}+${url}@${commit}`;
}

/** The options for another Python or machine; pip wants it to be said that nothing is built. */
function binary(target: readonly string[]): string[] {
  return target.length === 0 ? [] : ["--only-binary=:all:", ...target];
}

/** A line for each wheel: its name, its version and its hash. */
function listOf(folder: string): string {
  return wheelsIn(folder).map((name) => {
    const [distribution, version] = name.split("-");
    return `${distribution}==${version} --hash=sha256:${hashFile(`${folder}/${name}`)}\n`;
  }).join("");
}

function wheelsIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(".whl")).sort();
}
