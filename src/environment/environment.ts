/** Prepares the Python of a run. What makes environments is imported only if a module has requirements. */

import { requirementsOf } from "./check_requirements.ts";
import { asItIs, type Environment, type EnvironmentOptions } from "./options.ts";

export type { Environment, EnvironmentOptions, InstallWhen } from "./options.ts";

/**
 * Returns an environment for a module: the chosen Python itself, a cached environment, or a new one.
 *
 * @throws {InstallerError} if a package can't be installed
 * @throws {AimodellibError} if an environment can't be made
 */
export async function prepareEnvironment(options: EnvironmentOptions): Promise<Environment> {
  const { python, module, install, env } = options;
  if (install === "never" || requirementsOf(module, env).length === 0) return asItIs(python, env);
  const { meetRequirements } = await import("./make.ts");
  return await meetRequirements(options);
}
