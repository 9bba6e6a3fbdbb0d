/** Examines a machine for everything that a run needs. */

import { messageOf } from "../errors.ts";
import { ANSWER_LIMIT_MS, type Assets, BridgeProcess, layOutAssets, runChild } from "../bridge/mod.ts";
import { stat } from "../files.ts";
import { printable } from "../printable.ts";
import { VERSION } from "../version.ts";
import { checkRequirements, requirementsOf } from "./check_requirements.ts";
import { findPython, type FoundPython } from "./find_python.ts";
import { chooseInstaller, noInstaller } from "./installer.ts";

/** The result of one check. */
export interface Finding {
  /** False if a run would fail because of it. */
  readonly ok: boolean;
  readonly text: string;
}

/** The Python and the module that `doctor` examines. */
export interface ExamineOptions {
  readonly python?: string | undefined;
  readonly moduleDir: string;
}

type Env = (name: string) => string | undefined;

/** Yields the result of each check as it ends; failures are results as well. */
export async function* examine(options: ExamineOptions, env: Env): AsyncGenerator<Finding> {
  yield good(`aimodellib ${VERSION} (Deno ${Deno.version.deno}, ${Deno.build.target})`);
  let assets: Assets | undefined;
  try {
    assets = await layOutAssets(env);
    yield good(`Embedded Python files: ${assets.root}`);
  } catch (error) {
    yield bad(`Embedded Python files can't be laid out: ${messageOf(error)}`);
  }
  const { moduleDir } = options;
  const module = stat(moduleDir);
  if (module === undefined) yield bad(`The module directory '${moduleDir}' does not exist`);
  else if (!module.isDirectory) yield bad(`'${moduleDir}' is not a folder: name the folder of a module`);
  let python: FoundPython | undefined;
  try {
    python = findPython({ ...options, env });
    yield good(`Python: ${python.path} (from ${python.source})`);
  } catch (error) {
    yield bad(messageOf(error));
  }
  if (python !== undefined) yield* examinePython(python);
  if (python !== undefined && assets !== undefined) {
    const bridge = await examineBridge(python, assets, env);
    yield bridge;
    if (bridge.ok && module?.isDirectory) yield* examineRequirements(python, moduleDir, assets, env);
  }
  assets?.[Symbol.dispose]();
}

/** Valid in Python 2.7 as well, so that an old Python prints its version instead of a syntax error. */
const ASK = `
import sys, sysconfig
print("%d.%d.%d" % sys.version_info[:3])
print(sysconfig.get_path("purelib"))
`;

async function* examinePython({ path }: FoundPython): AsyncGenerator<Finding> {
  try {
    const { success, stdout, stderr } = await runChild(path, { args: ["-c", ASK], limitMs: ANSWER_LIMIT_MS });
    if (!success) {
      yield bad(`Python does not run: ${stderr.trim()}`);
      return;
    }
    const [version = "", packages = ""] = stdout.trim().split("\n");
    const [major = 0, minor = 0] = version.split(".").map(Number);
    const newEnough = major > 3 || (major === 3 && minor >= 8);
    yield newEnough ? good(`Python version: ${version}`) : bad(`Python version: ${version}; 3.8 or later is needed`);
    yield good(`Packages of that Python: ${packages}`);
  } catch (error) {
    yield bad(`Python does not run: ${messageOf(error)}`);
  }
}

/** Starts a worker as a run does, and ends it. */
async function examineBridge({ path }: FoundPython, assets: Assets, env: Env): Promise<Finding> {
  const printed: string[] = [];
  const decoder = new TextDecoder();
  try {
    const process = await BridgeProcess.start({
      python: path,
      assets,
      env,
      maxBody: 0,
      output: (bytes) => void printed.push(decoder.decode(bytes, { stream: true })),
    });
    process.end();
    await process.ended;
    process[Symbol.dispose]();
    return good("Unix sockets: a worker started and connected");
  } catch (error) {
    const output = printed.join("").trim();
    return bad(
      `A worker can't be started: ${messageOf(error)}${output === "" ? "" : `\n${output.replaceAll(/^/gm, "  ")}`}`,
    );
  }
}

/** Names the installer, and checks whether the module's requirements are met. */
async function* examineRequirements(
  { path }: FoundPython,
  moduleDir: string,
  assets: Assets,
  env: Env,
): AsyncGenerator<Finding> {
  try {
    const lines = requirementsOf(moduleDir, env);
    const checked = await checkRequirements(lines, { python: path, assets });
    const installer = chooseInstaller({ python: path, env, ...checked });
    yield good(`Installer: ${installer?.name ?? "none, because the Python has no pip and uv is not on PATH"}`);
    if (lines.length === 0) return;
    const file = `${moduleDir}/requirements.txt`;
    if (checked.unmet === null) yield good(`Requirements: ${file} is met`);
    else if (installer === undefined) {
      yield bad(noInstaller(path, `Requirements: ${file} is not met (${checked.unmet})`).message);
    } else yield good(`Requirements: ${file} is not met (${checked.unmet}): a run installs what is missing`);
  } catch (error) {
    yield bad(`Requirements can't be checked: ${messageOf(error)}`);
  }
}

function good(text: string): Finding {
  return { ok: true, text: printable(text) };
}

function bad(text: string): Finding {
  return { ok: false, text };
}
