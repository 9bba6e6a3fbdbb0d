/** Gathers the wheels of a `requirements.txt` and of what they need, through pip, for hosts that reach no package registry. */

import type { Assets } from "../bridge/mod.ts";
import { pipCommand, runInstaller } from "./pip.ts";

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

/**
 * Gathers them. For this machine, what there is no wheel of is built; for another, there must be one.
 *
 * @throws {InstallerError} if pip can't
 */
export async function gatherWheels(options: WheelsOptions): Promise<void> {
  const { python, module, pythonVersion, platforms, folder, assets, env, signal, output } = options;
  const forOther = pythonVersion !== undefined || platforms.length > 0;
  const how = forOther
    ? [
      "download",
      "--only-binary=:all:",
      "--dest",
      folder,
      ...(pythonVersion === undefined ? [] : ["--python-version", pythonVersion]),
      ...platforms.flatMap((platform) => ["--platform", platform]),
    ]
    : ["wheel", "--wheel-dir", folder];
  const common = ["--no-input", "--disable-pip-version-check", "--requirement", "requirements.txt"];
  await runInstaller([...pipCommand(python, env), ...how, ...common], {
    cwd: module,
    signal,
    output,
    supervisor: [python, assets.entry, "supervise"],
  });
}
