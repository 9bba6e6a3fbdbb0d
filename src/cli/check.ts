/** The check of scripts, as `package` and `verify` do it. */

import { joinPath, type Manifest, type Plan, type ScanResult, withoutScript } from "../archive/mod.ts";
import {
  type CheckResult,
  checkScripts,
  importable,
  type Role,
  type ScriptToCheck,
} from "../environment/check_scripts.ts";
import { ScriptError } from "../errors.ts";
import type { Io } from "./io.ts";

/** The options of the check. */
export interface CheckOptions {
  readonly check: boolean;
  readonly python?: string | undefined;
}

const ROLES: Readonly<Record<"trainingScript" | "servingScript", Role>> = {
  trainingScript: "train",
  servingScript: "serve",
};

/** What a role is called. */
const NAMES: Readonly<Record<Role, string>> = { train: "training", serve: "serving" };

/**
 * Checks what is to be packed. A script that nobody named, and that has none of the functions, is left out of the manifest.
 *
 * @returns the plan, with a notice if something could not be checked
 * @throws {ScriptError} which names file and line
 * @throws {UsageError} if nothing is left to be trained or served, or the Python that was named can't be run
 */
export async function checkPlan(planned: Plan, moduleDir: string, options: CheckOptions, io: Io): Promise<Plan> {
  if (!options.check) return planned;
  const neighbours = importable(planned.files.entries.map(({ path }) => path));
  const folder = nameOf(planned.root);
  const scripts = planned.scripts.map(({ key, path, source }): ScriptToCheck => {
    return { role: ROLES[key], name: path, path, module: folder, source: Deno.readFileSync(source), neighbours };
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
    // A training script has one function: without it, it is one that lacks it. One for serving has four.
    if (script.assumed && found.unrelated && role === "serve" && result.scripts.length > 1) {
      result = withoutScript(result, script, `${script.path} is no ${NAMES[role]} script: ${found.problems[0]}`);
    } else wrong.push(found);
  });
  refuse(wrong, "--no-check packs it as it is");
  return result;
}

/**
 * Checks what was read.
 *
 * @returns why it could not be checked, if so
 * @throws {ScriptError} which names file and line
 * @throws {UsageError} if the Python that was named can't be run
 */
export async function checkScan(result: ScanResult, options: CheckOptions, io: Io): Promise<string | undefined> {
  if (!options.check) return undefined;
  const { manifest, scripts, paths } = result;
  const module = joinPath(manifest.module);
  const inModule = module === "" ? [...paths] : [...paths].filter((path) => path.startsWith(`${module}/`))
    .map((path) => path.slice(module.length + 1));
  const neighbours = importable(inModule);
  const checked = await checkScripts(
    roles(manifest).flatMap(({ role, script, path }) => {
      const source = scripts.get(path);
      return source === undefined
        ? []
        : [{ role, name: path, path: script, module: nameOf(module), source, neighbours }];
    }),
    { python: options.python, env: io.env },
  );
  if ("skipped" in checked) return `The scripts were not checked: ${checked.skipped}`;
  refuse(checked.results, "--no-check leaves this out");
  return undefined;
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

function refuse(results: readonly CheckResult[], advice: string): void {
  const problems = new Set(results.flatMap(({ problems }) => problems));
  if (problems.size > 0) throw new ScriptError(`${[...problems].join("\n")}\n(${advice})`);
}
