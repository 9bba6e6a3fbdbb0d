/** What `aimodellib train` does, apart from its parser so that help is not kept waiting for it. */

import { layOutAssets } from "../bridge/mod.ts";
import { absolute } from "../config/module.ts";
import { AimodellibError } from "../errors.ts";
import { train, type TrainConfig } from "../train/mod.ts";
import type { Io } from "./io.ts";
import { RunLog, type RunLogOptions } from "./run_log.ts";
import { type EnvironmentChoice, openEnvironment } from "./run_environment.ts";
import { openTarget, type TargetOptions } from "./target.ts";

/** The options of the command. */
export interface TrainOptions
  extends TargetOptions, RunLogOptions, EnvironmentChoice, Pick<TrainConfig, "args" | "stopTimeoutMs"> {
  readonly modelDir: string;
  readonly tensorBoardEnabled: boolean;
  readonly tensorBoardDir?: string | undefined;
}

/** For a module: an archive's manifest has its own. */
const DEFAULT_TENSORBOARD_DIR = "tb_logs";

/**
 * Runs it.
 *
 * @returns the exit code
 * @throws {UsageError} if the module, the script or a Python is not there
 * @throws {ArchiveError} if an archive is not good, or can't be trained
 */
export async function runTraining(options: TrainOptions, io: Io): Promise<number> {
  using target = await untilSignal(io, (signal) => openTarget("train", options, io, signal));
  io.dropPermissions();
  const { module, script, archive } = target;
  const modelDir = absolute(options.modelDir);
  Deno.mkdirSync(modelDir, { recursive: true });
  const tensorBoardDir = options.tensorBoardDir ?? archive?.manifest.tensorboardDirectory ?? DEFAULT_TENSORBOARD_DIR;
  using log = new RunLog(options, archive, io);
  using assets = await layOutAssets(io.env);
  using environment = await untilSignal(io, (signal) => openEnvironment(target, options, { assets, io, log, signal }));
  const { code, message } = await train({
    module,
    script,
    python: environment.python,
    modelDir,
    args: options.args,
    stopTimeoutMs: options.stopTimeoutMs,
    tensorBoardEnabled: options.tensorBoardEnabled || (archive?.manifest.enableTensorboard ?? false),
    tensorBoardDir: absolute(tensorBoardDir.startsWith("/") ? tensorBoardDir : `${options.runDir}/${tensorBoardDir}`),
  }, {
    assets,
    env: io.env,
    onSignal: io.onSignal,
    output: log.path === undefined ? "inherit" : { stdout: log.sink("stdout"), stderr: log.sink("stderr") },
  });
  if (message !== undefined) log.say(`${code === 0 ? "Warning" : "Error"}: ${message}\n`);
  return code;
}

/** Does what comes before training, which a signal stops with nothing left behind. */
async function untilSignal<T>(io: Io, prepare: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  using _ = io.onSignal((signal) => stop.abort(new AimodellibError(`Stopped by ${signal} before training began`)));
  return await prepare(stop.signal);
}
