/** What `aimodellib train` does, apart from its parser so that help is not kept waiting for it. */

import { layOutAssets } from "../bridge/mod.ts";
import { absolute } from "../config/module.ts";
import { AimodellibError, UsageError } from "../errors.ts";
import { TensorBoard, train, type TrainConfig } from "../train/mod.ts";
import type { Io } from "./io.ts";
import { RunLog, type RunLogOptions } from "./run_log.ts";
import { type RecordOptions, startRecord } from "./run_record.ts";
import { type EnvironmentChoice, openEnvironment } from "./run_environment.ts";
import { launcherArgs, type LauncherOptions } from "./torchrun.ts";
import { openTarget, type Target, type TargetOptions } from "./target.ts";

/** The options of the command. */
export interface TrainOptions
  extends
    TargetOptions,
    RunLogOptions,
    EnvironmentChoice,
    RecordOptions,
    LauncherOptions,
    Pick<TrainConfig, "args" | "stopTimeoutMs"> {
  readonly modelDir: string;
  readonly tensorBoardEnabled: boolean;
  readonly keepTensorBoard: boolean;
  readonly tensorBoardHost: string;
  readonly tensorBoardDir?: string | undefined;
}

/** For a module: an archive's manifest has its own. */
const DEFAULT_TENSORBOARD_DIR = "tb_logs";
const DEFAULT_TENSORBOARD_PORT = 6006;

/**
 * Runs it.
 *
 * @returns the exit code
 * @throws {UsageError} if the module, the script or a Python is not there
 * @throws {ArchiveError} if an archive is not good, or can't be trained
 */
export async function runTraining(options: TrainOptions, io: Io): Promise<number> {
  const launcher = launcherArgs(options);
  using target = await untilSignal(io, (signal) => openTarget("train", options, io, signal));
  io.dropPermissions();
  const { module, script } = target;
  const modelDir = absolute(options.modelDir);
  Deno.mkdirSync(modelDir, { recursive: true });
  using log = new RunLog(options, target.archive, io);
  using assets = await layOutAssets(io.env);
  using environment = await untilSignal(io, (signal) => openEnvironment(target, options, { assets, io, log, signal }));
  const board = boardOf(options, target);
  await using tensorBoard = board.enabled
    ? new TensorBoard({ ...board, python: environment.python, assets, port: tensorBoardPort(io), say: log.say })
    : undefined;
  const record = startRecord("train", options, target, { log, modelDir, python: environment.python, assets });
  const { code, message } = await train({
    module,
    script,
    python: environment.python,
    modelDir,
    args: options.args,
    launcher,
    stopTimeoutMs: options.stopTimeoutMs,
    tensorBoardEnabled: board.enabled,
    tensorBoardDir: board.logDir,
  }, {
    assets,
    env: io.env,
    onSignal: io.onSignal,
    output: log.path === undefined ? "inherit" : { stdout: log.sink("stdout"), stderr: log.sink("stderr") },
  });
  await record?.finish(code, message);
  if (message !== undefined) log.say(`${code === 0 ? "Warning" : "Error"}: ${message}\n`);
  if (options.keepTensorBoard && tensorBoard?.isUp) {
    log.say(`Training has ended; TensorBoard stays at ${tensorBoard.url} until Ctrl+C\n`);
    await aSignal(io);
  }
  return code;
}

/** Whether TensorBoard runs, and where. */
function boardOf({ tensorBoardEnabled, tensorBoardDir, tensorBoardHost, runDir }: TrainOptions, { archive }: Target) {
  const folder = tensorBoardDir ?? archive?.manifest.tensorboardDirectory ?? DEFAULT_TENSORBOARD_DIR;
  return {
    enabled: tensorBoardEnabled || (archive?.manifest.enableTensorboard ?? false),
    logDir: absolute(folder.startsWith("/") ? folder : `${runDir}/${folder}`),
    host: tensorBoardHost,
  };
}

function tensorBoardPort(io: Io): number {
  const text = io.env("TB_PORT");
  if (!text) return DEFAULT_TENSORBOARD_PORT;
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65535) {
    throw new UsageError(`TB_PORT must be a port from 1 to 65535, not '${text}'`);
  }
  return port;
}

function aSignal(io: Io): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const listener = io.onSignal(() => resolve());
  return promise.finally(() => listener[Symbol.dispose]());
}

/** Does what comes before training, which a signal stops with nothing left behind. */
async function untilSignal<T>(io: Io, prepare: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  using _ = io.onSignal((signal) => stop.abort(new AimodellibError(`Stopped by ${signal} before training began`)));
  return await prepare(stop.signal);
}
