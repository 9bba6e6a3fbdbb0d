/** Creates Python environments in `.cache/`, and replaces them when their requirements change. */

import { sha256 } from "./build/hash.ts";
import { run, runOrThrow } from "./build/process.ts";

/**
 * Creates a Python environment, or returns an existing one with the same requirements and Python. If several runs need
 * it at the same time, one creates it and the others wait.
 *
 * @param folder the path of the environment
 * @param requirements lines as in requirements.txt
 * @param imports modules that are compiled, with all that they import; the rest is compiled when it is first imported. By default, pip
 * compiles all modules, which takes minutes of processor time for hundreds of megabytes of packages
 * @returns the path of its interpreter
 * @throws {Error} with the output of Python or pip, if `python3` lacks venv, or a package can't be installed
 */
export async function makeVenv(folder: string, requirements: string, imports?: readonly string[]): Promise<string> {
  const python = `${folder}/bin/python`;
  Deno.mkdirSync(folder.slice(0, folder.lastIndexOf("/")), { recursive: true });
  using lock = Deno.openSync(`${folder}.lock`, { create: true, write: true });
  await lock.lock(true);
  const version = await runOrThrow("find a Python for tests", "python3", [
    "-c",
    "import sys; print(sys.prefix, sys.version)",
  ]);
  const mark = await sha256(new TextEncoder().encode(`${version}\n${requirements}`));
  if (readMark(folder) === mark && (await run(python, ["--version"]).catch(() => undefined))?.success) return python;
  console.log(`Making ${folder}, once. This can take minutes.`);
  Deno.mkdirSync(folder, { recursive: true });
  Deno.removeSync(folder, { recursive: true });
  await runOrThrow(
    "make a Python environment (Debian and Ubuntu have it in the package python3-venv)",
    "python3",
    ["-m", "venv", folder],
  );
  const list = `${folder}/requirements.txt`;
  Deno.writeTextFileSync(list, requirements);
  // deno-fmt-ignore
  await runOrThrow("install Python packages", python, [
    "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-input", ...(imports === undefined ? [] : ["--no-compile"]),
    "--requirement", list,
  ]);
  for (const name of imports ?? []) {
    // The caller may have told Python not to write bytecode.
    const options = { env: { PYTHONDONTWRITEBYTECODE: "" } };
    await runOrThrow(`import '${name}'`, python, ["-c", `import ${name}`], options);
  }
  Deno.writeTextFileSync(`${folder}/made-for`, mark);
  return python;
}

function readMark(folder: string): string | undefined {
  try {
    return Deno.readTextFileSync(`${folder}/made-for`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
