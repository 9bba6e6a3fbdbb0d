/** Gathers wheels for `package --bundle-wheels`. */

import { collect, type Part, type Plan, REQUIREMENTS_NAME, WHEELS_FOLDER } from "../../archive/mod.ts";
import { layOutAssets } from "../../bridge/mod.ts";
import { makeTemporaryFolder } from "../../cache/temporary.ts";
import { findPython } from "../../environment/find_python.ts";
import { gatherWheels } from "../../environment/wheels.ts";
import { UsageError } from "../../errors.ts";
import type { Io } from "../terminal/io.ts";

/** The module whose requirements get wheels, and the Python and platforms that they are for. */
export interface BundleOptions {
  readonly moduleDir: string;
  readonly python?: string | undefined;
  readonly pythonVersion?: string | undefined;
  readonly platforms: readonly string[];
  readonly quiet: boolean;
}

/**
 * Checks that a module's archive can contain wheels.
 *
 * @throws {UsageError} if the module has no requirements, or occupies the folder for wheels
 */
export function checkWheels({ manifest, files }: Plan): void {
  if (!files.entries.some(({ path, kind }) => path === REQUIREMENTS_NAME && kind !== "directory")) {
    throw new UsageError(`--bundle-wheels needs a ${REQUIREMENTS_NAME} in the module`);
  }
  const taken = [manifest.module, ...manifest.module === "" ? files.entries.map(({ path }) => path) : []]
    .some((path) => path.split("/")[0] === WHEELS_FOLDER);
  if (taken) {
    throw new UsageError(
      `--bundle-wheels needs the archive's folder '${WHEELS_FOLDER}', which the module uses already: rename it in the module`,
    );
  }
}

/**
 * Gathers the wheels in a temporary folder, which disposing removes.
 *
 * @throws {UsageError} if no Python is found
 * @throws {InstallerError} if pip can't gather them
 */
export async function bundleWheels(
  { root }: Plan,
  options: BundleOptions,
  io: Io,
  signal: AbortSignal,
): Promise<Part & Disposable> {
  const { moduleDir, quiet, ...rest } = options;
  const { path } = findPython({ python: options.python, moduleDir: moduleDir || ".", env: io.env });
  const folder = makeTemporaryFolder("wheels", io.env);
  const dispose = () => Deno.removeSync(folder, { recursive: true });
  try {
    using assets = await layOutAssets(io.env, Deno.build.standalone, io.stderr);
    const output = quiet ? undefined : io.stderr;
    await gatherWheels({ ...rest, python: path, module: root, folder, assets, env: io.env, signal, output });
    return { folder: WHEELS_FOLDER, files: collect(folder, () => false), [Symbol.dispose]: dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}
