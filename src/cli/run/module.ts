/** The module directory, and the script in it. */

import { UsageError } from "../../errors.ts";

/** Absolute paths of a module and its script. */
export interface ModulePaths {
  readonly module: string;
  readonly script: string;
}

/**
 * Finds the script that belongs to a module. A relative script is looked for in the module directory, then in the
 * working directory (where a shell's completion finds it).
 *
 * @throws {UsageError} if the module is no directory, or the script is not there
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
  throw new UsageError(`There is no script '${script}' in the module directory '${module}'${advice}`);
}

/** The absolute form of a path. `..` stays: what it means is for the file system to say, where links are. */
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
  return names.length === 0 ? "; it holds no .py file" : `; it holds ${names.slice(0, 10).join(", ")}`;
}
