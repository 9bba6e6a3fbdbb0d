/** What `aimodellib train` does, apart from its parser so that help is not kept waiting for it. */

import { layOutAssets } from "../bridge/mod.ts";
import { absolute, resolveModule } from "../config/module.ts";
import { findPython } from "../environment/find_python.ts";
import { train, type TrainConfig } from "../train/mod.ts";
import type { Io } from "./io.ts";

/** The options of the command. */
export interface TrainOptions extends Omit<TrainConfig, "python" | "module" | "script"> {
  readonly python?: string | undefined;
  readonly module: string;
  readonly script: string;
}

/**
 * Runs it.
 *
 * @returns the exit code
 * @throws {UsageError} if the module, the script or a Python is not there
 */
export async function runTraining(options: TrainOptions, io: Io): Promise<number> {
  const paths = resolveModule(options.module, options.script);
  const python = findPython({ python: options.python, moduleDir: paths.module, env: io.env });
  const modelDir = absolute(options.modelDir);
  Deno.mkdirSync(modelDir, { recursive: true });
  using assets = await layOutAssets(io.env);
  const { code, message } = await train({
    ...options,
    ...paths,
    python: python.path,
    modelDir,
    tensorBoardDir: absolute(options.tensorBoardDir),
  }, { assets, env: io.env, onSignal: io.onSignal });
  if (message !== undefined) io.stderr(`${code === 0 ? "Warning" : "Error"}: ${message}\n`);
  return code;
}
