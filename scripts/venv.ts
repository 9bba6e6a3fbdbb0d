/** Creates Python environments in `.cache/`, and replaces them when their requirements change. */

import { sha256 } from "./build/hash.ts";
import { run, runOrThrow } from "./build/process.ts";
import { findUv } from "./venv/uv.ts";

/** What {@linkcode makeVenv} does beyond installing the requirements. */
export interface VenvOptions {
  /** Whether the environment has pip, besides what is required. @default false */
  readonly pip?: boolean;
  /** Modules that many processes import. Python compiles them now; otherwise, each of the first processes would compile them. */
  readonly compiled?: readonly string[];
}

/**
 * Creates a Python environment, or returns an existing one with the same requirements, Python and pip or none. If several runs need
 * it at the same time, one creates it and the others wait.
 *
 * @param folder the path of the environment
 * @param requirements lines as in requirements.txt
 * @returns the path of its interpreter
 * @throws {Error} with the output of Python or pip, if `python3` lacks venv, or a package can't be installed
 */
export async function makeVenv(
  folder: string,
  requirements: string,
  { pip = false, compiled = [] }: VenvOptions = {},
): Promise<string> {
  const python = `${folder}/bin/python`;
  const cache = folder.slice(0, folder.lastIndexOf("/"));
  Deno.mkdirSync(cache, { recursive: true });
  using lock = Deno.openSync(`${folder}.lock`, { create: true, write: true });
  await lock.lock(true);
  const version = await runOrThrow("find a Python for tests", "python3", [
    "-c",
    "import sys; print(sys.prefix, sys.version)",
  ]);
  const mark = await sha256(new TextEncoder().encode(`${version}\n${pip}\n${requirements}`));
  if (readMark(folder) === mark && (await run(python, ["--version"]).catch(() => undefined))?.success) return python;
  console.log(`Making ${folder}, once. This can take minutes.`);
  Deno.mkdirSync(folder, { recursive: true });
  Deno.removeSync(folder, { recursive: true });
  await runOrThrow(
    "make a Python environment (Debian and Ubuntu have it in the package python3-venv)",
    "python3",
    ["-m", "venv", ...(pip ? [] : ["--without-pip"]), folder],
  );
  const list = `${folder}/requirements.txt`;
  Deno.writeTextFileSync(list, requirements);
  if (!await installWithUv(cache, python, list)) await installWithPip(python, list);
  for (const name of compiled) {
    // The caller may have told Python not to write bytecode.
    const options = { env: { PYTHONDONTWRITEBYTECODE: "" } };
    await runOrThrow(`import '${name}'`, python, ["-c", `import ${name}`], options);
  }
  Deno.writeTextFileSync(`${folder}/made-for`, mark);
  return python;
}

/** Returns false, after a message if there is something to say, if pip has to install the packages. */
async function installWithUv(cache: string, python: string, list: string): Promise<boolean> {
  const uv = await findUv(cache);
  if (uv === undefined) return false;
  // deno-fmt-ignore
  const { success, output } = await run(uv.program, [
    "pip", "install", "--quiet", "--python", python, ...uv.args, "--requirement", list,
  ], { env: uv.env });
  if (!success) console.log(`uv can't install ${list}, so pip tries it. uv said:\n${output}`);
  return success;
}

async function installWithPip(python: string, list: string): Promise<void> {
  await runOrThrow("install pip", python, ["-m", "ensurepip", "--default-pip"]);
  // deno-fmt-ignore
  await runOrThrow("install Python packages", python, [
    "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-input", "--no-compile",
    "--requirement", list,
  ]);
}

function readMark(folder: string): string | undefined {
  try {
    return Deno.readTextFileSync(`${folder}/made-for`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
