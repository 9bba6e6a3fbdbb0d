/** Resolves the paths of a module and its script. */

import { UsageError } from "../../errors.ts";

/** Absolute paths of a module and its script. */
export interface ModulePaths {
  readonly module: string;
  readonly script: string;
}

/**
 * Finds a module's script. A relative path is tried in the module directory, then in the working directory, where a shell's
 * completion finds it.
 *
 * @throws {UsageError} if the module is not a directory, or the script does not exist
 */
export function resolveModule(module: string, script: string): ModulePaths {
  const folder = absolute(module);
  const found = stat(folder);
  if (found === undefined) throw new UsageError(`The module directory '${module}' does not exist`);
  if (!found.isDirectory) throw new UsageError(`The module '${module}' is not a directory`);
  const candidates = script.startsWith("/")
    ? [normalize(script)]
    : [normalize(`${folder}/${script}`), absolute(script)];
  for (const candidate of candidates) {
    if (stat(candidate)?.isFile) return { module: folder, script: candidate };
  }
  const withSuffix = script.endsWith(".py") ? undefined : `${script}.py`;
  const advice = withSuffix !== undefined && stat(`${folder}/${withSuffix}`)?.isFile
    ? `; did you mean '${withSuffix}'?`
    : scriptsIn(folder);
  throw new UsageError(`The module directory '${module}' has no script '${script}'${advice}`);
}

/** Makes a path absolute. `..` is kept, because with links only the file system can resolve it. */
export function absolute(path: string): string {
  return normalize(path.startsWith("/") ? path : `${Deno.cwd()}/${path}`);
}

function normalize(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

function stat(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}

function scriptsIn(folder: string): string {
  const names = [...Deno.readDirSync(folder)].filter(({ name, isFile }) => isFile && name.endsWith(".py"))
    .map(({ name }) => `'${name}'`).sort();
  return names.length === 0 ? "; it contains no .py file" : `; it contains ${names.slice(0, 10).join(", ")}`;
}
