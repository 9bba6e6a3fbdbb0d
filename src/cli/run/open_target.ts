/** Finds the module and script that `train` or `serve` runs. What reads archives is imported for archives only. */

import type { Io } from "../terminal/io.ts";
import { resolveModule } from "./module.ts";
import { refuseKey, type Target, type TargetOptions } from "./target.ts";

/**
 * Finds module and script. A packed archive is unpacked first, or taken from the cache.
 *
 * @throws {UsageError} if the module, the script or the archive does not exist
 * @throws {ArchiveError} if the archive is not valid, not signed as demanded, or has no script for the role
 */
export async function openTarget(
  role: "train" | "serve",
  options: TargetOptions,
  io: Io,
  signal: AbortSignal,
): Promise<Target> {
  const { module, script } = options;
  if (script !== undefined) {
    refuseKey(options, "a module");
    return { ...resolveModule(module, script), [Symbol.dispose]: () => {} };
  }
  const { openArchiveTarget } = await import("./archive_target.ts");
  return await openArchiveTarget(role, options, io, signal);
}
