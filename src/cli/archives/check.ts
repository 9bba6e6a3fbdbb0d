/** Checks the scripts of a module or an archive, for `package` and `verify`. */

import { joinPath, type Manifest, type Plan, type ScanResult, withoutScript } from "../../archive/mod.ts";
import {
  type CheckResult,
  checkScripts,
  importable,
  type Role,
  type ScriptToCheck,
} from "../../environment/check_scripts.ts";
import { ScriptError } from "../../errors.ts";
import { printable } from "../../printable.ts";
import type { Io } from "../terminal/io.ts";

/** The options of the check. */
export interface CheckOptions {
  /** False for `--no-check`. */
  readonly check: boolean;
  readonly python?: string | undefined;
}

const ROLES: Readonly<Record<"trainingScript" | "servingScript", Role>> = {
  trainingScript: "train",
  servingScript: "serve",
};

/** The adjective for each role, in messages. */
const NAMES: Readonly<Record<Role, string>> = { train: "training", serve: "serving" };

/**
 * Checks the scripts of an archive to be. A script of the default name that has none of the functions is removed from the manifest.
 *
 * @returns the plan, with notices about what could not be checked or is probably wrong
 * @throws {ScriptError} with file and line, if a script has an error
 * @throws {UsageError} if no script is left, or the Python of `--python` can't be run
 */
export async function checkPlan(planned: Plan, moduleDir: string, options: CheckOptions, io: Io): Promise<Plan> {
  if (!options.check) return planned;
  const paths = planned.files.entries.map(({ path }) => path);
  const neighbours = importable(paths);
  const folder = nameOf(planned.root);
  const scripts = planned.scripts.map(({ key, path, source }): ScriptToCheck => {
    const beside = importable(below(folderOf(path), paths));
    return {
      role: ROLES[key],
      name: path,
      path,
      module: folder,
      source: Deno.readFileSync(source),
      neighbours,
      beside,
    };
  });
  const checked = await checkScripts(scripts, { python: options.python, moduleDir: moduleDir || ".", env: io.env });
  if ("skipped" in checked) {
    return { ...planned, notices: [...planned.notices, `The scripts were not checked: ${checked.skipped}`] };
  }
  let result = planned;
  const wrong: CheckResult[] = [];
  checked.results.forEach((found, i) => {
    const script = planned.scripts[i]!;
    const role = ROLES[script.key];
    // A serving script has four functions: a file with none of them is another script. A training script has only one, so a file
    // without it may as well be a training script with an error.
    if (script.assumed && found.unrelated && role === "serve" && result.scripts.length > 1) {
      result = withoutScript(result, script, `${script.path} is not a ${NAMES[role]} script: ${found.problems[0]}`);
    } else wrong.push(found);
  });
  refuse(wrong, "", "--no-check packs it nevertheless");
  return { ...result, notices: [...result.notices, ...noticesOf(wrong)] };
}

/**
 * Checks the scripts of an archive that was scanned.
 *
 * @param label names the archive in messages
 * @returns notices about what could not be checked or is probably wrong
 * @throws {ScriptError} with archive, file and line, if a script has an error
 * @throws {UsageError} if the Python of `--python` can't be run
 */
export async function checkScan(result: ScanResult, label: string, options: CheckOptions, io: Io): Promise<string[]> {
  if (!options.check) return [];
  const { manifest, scripts, paths } = result;
  const module = joinPath(manifest.module);
  const inModule = below(module, [...paths]);
  const neighbours = importable(inModule);
  const beside = (script: string) => importable(below(folderOf(script), inModule));
  const checked = await checkScripts(
    roles(manifest).flatMap(({ role, script, path }) => {
      const source = scripts.get(path);
      return source === undefined
        ? []
        : [{ role, name: path, path: script, module: nameOf(module), source, neighbours, beside: beside(script) }];
    }),
    { python: options.python, env: io.env },
  );
  if ("skipped" in checked) return [`The scripts of ${label} were not checked: ${checked.skipped}`];
  refuse(checked.results, `${printable(label)} has errors in its scripts: `, "--no-check skips this check");
  return noticesOf(checked.results);
}

function noticesOf(results: readonly CheckResult[]): string[] {
  return [...new Set(results.flatMap(({ notices }) => notices))];
}

/** The paths below a folder, relative to it. */
function below(folder: string, paths: readonly string[]): string[] {
  if (folder === "") return [...paths];
  return paths.filter((path) => path.startsWith(`${folder}/`)).map((path) => path.slice(folder.length + 1));
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/** The last part of a path. */
function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function roles(manifest: Manifest): { role: Role; script: string; path: string }[] {
  return (["trainingScript", "servingScript"] as const).flatMap((key) => {
    const script = manifest[key];
    return script === null
      ? []
      : [{ role: ROLES[key], script: joinPath(script), path: joinPath(manifest.module, script) }];
  });
}

function refuse(results: readonly CheckResult[], before: string, advice: string): void {
  const problems = new Set(results.flatMap(({ problems }) => problems));
  if (problems.size > 0) throw new ScriptError(`${before}${[...problems].join("\n")}\n(${advice})`);
}
