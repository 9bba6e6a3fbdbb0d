/** Carries out `aimodellib train`. */

import { exitCodeOf, layOutAssets, type StopSignal } from "../../bridge/mod.ts";
import { IMAGE_ARCHIVE } from "../archives/image_layout.ts";
import { addressOf } from "../../host.ts";
import { hideKeys, maskArguments } from "../run/mask_arguments.ts";
import { absolute } from "../run/module.ts";
import { exitWithParent } from "../../platform/parent.ts";
import { failureFileOf, sageMakerTraining, submittedUri } from "../../platform/sagemaker.ts";
import { tensorBoardFolder, trainingFolder, vertexTraining } from "../../platform/vertex.ts";
import { messageOf, reasonOf, StoppedError, UsageError } from "../../errors.ts";
import { countNvidiaDevices } from "../../serve/devices.ts";
import { VERSION } from "../../version.ts";
import { TensorBoard, train, type TrainConfig, type TrainOutcome } from "../../train/mod.ts";
import type { ConsoleAddress, TrainConsole } from "../../train_console/mod.ts";
import type { Io } from "../terminal/io.ts";
import { LoggedOutput } from "../run/script_output.ts";
import { RunLog, type RunLogOptions } from "../run/log.ts";
import { type RecordOptions, startRecord } from "../run/record.ts";
import { type EnvironmentChoice, openEnvironment } from "../run/environment.ts";
import { launcherArgs, launcherOf, launcherOnSageMaker, type LauncherOptions } from "./torchrun.ts";
import { outcome, servingScript } from "./outcome.ts";
import { openTarget } from "../run/open_target.ts";
import type { Target, TargetOptions } from "../run/target.ts";

/** The options of the command. */
export interface TrainOptions
  extends
    Omit<TargetOptions, "module">,
    RunLogOptions,
    EnvironmentChoice,
    RecordOptions,
    LauncherOptions,
    Pick<TrainConfig, "args" | "stopTimeoutMs"> {
  /** Undefined if SageMaker provides the code. */
  readonly module: string | undefined;
  readonly modelDir: string;
  readonly tensorBoardEnabled: boolean;
  readonly keepTensorBoard: boolean;
  readonly exitWithParent: boolean;
  readonly tensorBoardHost: string;
  readonly tensorBoardDir?: string | undefined;
  /** Where the console listens; undefined for none. */
  readonly console?: ConsoleAddress | undefined;
}

/** The default for a module; an archive's manifest has its own. */
const DEFAULT_TENSORBOARD_DIR = "tb_logs";
const DEFAULT_TENSORBOARD_PORT = 6006;

/**
 * Runs a training, with its log, its record and TensorBoard.
 *
 * @returns the exit code
 * @throws {UsageError} if the module, the script or a Python does not exist
 * @throws {ArchiveError} if the archive is not valid, or has no training script
 */
export async function runTraining(options: TrainOptions, io: Io): Promise<number> {
  using _parent = options.exitWithParent ? exitWithParent((reason) => io.stderrLine(reason)) : undefined;
  const { module } = options;
  using preparation = new Preparation(io);
  if (module !== undefined) return (await trainTarget({ ...options, module }, io, preparation)).code;
  const failureFile = failureFileOf(io.env);
  try {
    const gpus = countNvidiaDevices();
    using submitted = await openSubmitted(submittedUri(io.env, "train"), options, io, preparation);
    const given = sageMakerTraining({ env: io.env, imageArchive: IMAGE_ARCHIVE, submitted }, gpus);
    if (given === undefined) {
      const onVertex = vertexTraining(io.env, IMAGE_ARCHIVE);
      if (onVertex !== undefined) return (await trainTarget({ ...options, ...onVertex }, io, preparation)).code;
      throw new UsageError(
        "The script to train is missing: use 'aimodellib train MODULE SCRIPT MODEL_DIR' or 'aimodellib train ARCHIVE MODEL_DIR'; " +
          "see 'aimodellib train --help'",
      );
    }
    const launcher = launcherOnSageMaker(launcherOf(options), given, { gpus, job: io.env("TRAINING_JOB_NAME") });
    const { code, message } = await trainTarget({ ...options, ...given, ...launcher }, io, preparation);
    if (code !== 0) tellFailure(failureFile, message ?? `The exit code is ${code}`, io);
    return code;
  } catch (error) {
    tellFailure(failureFile, messageOf(error), io);
    throw error;
  }
}

/** Fetches the code of SageMaker's SDK, if a URI names some. */
async function openSubmitted(uri: string | undefined, options: TrainOptions, io: Io, preparation: Preparation) {
  if (uri === undefined) return undefined;
  const { fetchSubmittedCode } = await import("../run/submitted_code.ts");
  return await preparation.make((signal) => fetchSubmittedCode(uri, options, io, signal));
}

/** Writes the reason of a failure for SageMaker, which shows its beginning. If that fails, the outcome stays the same. */
function tellFailure(path: string | undefined, message: string, io: Io): void {
  if (path === undefined) return;
  try {
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(path, `${hideKeys(message)}\n`);
  } catch (error) {
    io.stderrLine(`Warning: the reason of the failure can't be written to '${path}': ${reasonOf(error)}`);
  }
}

function makeModelDir(path: string): void {
  try {
    Deno.mkdirSync(path, { recursive: true });
  } catch (cause) {
    throw new UsageError(`The model directory '${path}' can't be created: ${reasonOf(cause)}`, { cause });
  }
}

type Chosen = TrainOptions & { readonly module: string; readonly variables?: Readonly<Record<string, string>> };

async function trainTarget(options: Chosen, io: Io, preparation: Preparation): Promise<TrainOutcome> {
  const launcher = launcherArgs(options, io.env);
  const modelDir = absolute(trainingFolder(options.modelDir));
  using target = await preparation.make((signal) => openTarget("train", options, io, signal));
  makeModelDir(modelDir);
  const startedAt = Date.now();
  const board = boardOf(options, target, io);
  using log = new RunLog(options, target.archive, io);
  using monitor = await openConsole(options, target, { log, modelDir, startedAt, logDir: board.logDir });
  try {
    return await trainIn({ options, io, preparation, launcher, target, modelDir, startedAt, board, log, monitor });
  } catch (error) {
    await monitor?.end(1, messageOf(error));
    throw error;
  }
}

/** A training whose log is open. */
interface Opened {
  readonly options: Chosen;
  readonly io: Io;
  readonly preparation: Preparation;
  readonly launcher: readonly string[] | undefined;
  readonly target: Target;
  readonly modelDir: string;
  /** In ms since 1970. */
  readonly startedAt: number;
  readonly board: ReturnType<typeof boardOf>;
  readonly log: RunLog;
  readonly monitor: TrainConsole | undefined;
}

async function trainIn(
  { options, io, preparation, launcher, target, modelDir, startedAt, board, log, monitor }: Opened,
): Promise<TrainOutcome> {
  using assets = await layOutAssets(io.env, Deno.build.standalone, io.stderr);
  using environment = await preparation.make(
    (signal) => openEnvironment(target, options, { assets, io, log, say: log.say, signal }),
  );
  await using tensorBoard = board.enabled
    ? new TensorBoard({ ...board, python: environment.python, assets, port: tensorBoardPort(io), say: log.say })
    : undefined;
  const begun = performance.now();
  const record = startRecord("train", options, target, { log, say: log.say, modelDir, environment, assets });
  using output = log.isKept ? new LoggedOutput(log, io) : undefined;
  const { code, message } = await train({
    module: target.module,
    script: target.script,
    python: environment.python,
    modelDir,
    args: options.args,
    launcher,
    variables: { ...environment.variables, ...options.variables },
    stopTimeoutMs: options.stopTimeoutMs,
    tensorBoardEnabled: board.writes,
    tensorBoardDir: board.logDir,
    scalars: monitor !== undefined,
  }, {
    assets,
    env: io.env,
    onSignal: (handler) => preparation.passOn(handler),
    onScalars: monitor?.scalars,
    onStart: (pid) => monitor?.reach({ state: "training", python: environment.python, pid }),
    output: output ?? "inherit",
    onResize: output && io.onResize,
  });
  output?.flush();
  await record?.finish(code, message);
  if (message !== undefined) log.say(`${code === 0 ? "Warning" : "Error"}: ${message}\n`);
  await monitor?.end(code, message);
  if (code === 0 && io.errorColumns !== undefined) {
    const serves = target.archive === undefined
      ? servingScript(target.module)
      // An archive from standard input can't be read again.
      : target.archive.manifest.servingScript === null || options.module === "-"
      ? undefined
      : "archive";
    const ms = performance.now() - begun;
    io.raw.stderr(outcome({ startedAt, ms, target: options.module, modelDir: options.modelDir, serves }));
  }
  if (options.keepTensorBoard && tensorBoard?.isUp) {
    log.say(`Training has ended; TensorBoard stays at ${tensorBoard.url} until Ctrl+C\n`);
    await aSignal(io);
  }
  return { code, ...(message !== undefined && { message }) };
}

/**
 * Whether TensorBoard runs, with its address and log folder. A platform that has its own TensorBoard only names the folder, and the
 * script is told to write logs there.
 */
function boardOf(
  { tensorBoardEnabled, tensorBoardDir, tensorBoardHost, runDir }: TrainOptions,
  { archive }: Target,
  { env }: Io,
) {
  const platform = tensorBoardFolder(env);
  const folder = tensorBoardDir ?? platform ?? archive?.manifest.tensorboardDirectory ?? DEFAULT_TENSORBOARD_DIR;
  const enabled = tensorBoardEnabled || (archive?.manifest.enableTensorboard ?? false);
  return {
    enabled,
    writes: enabled || platform !== undefined,
    logDir: folder.startsWith("gs://") ? folder : absolute(folder.startsWith("/") ? folder : `${runDir}/${folder}`),
    host: addressOf(tensorBoardHost),
  };
}

/** Where scripts write event files that are not told where: PyTorch's `SummaryWriter` and Lightning, in the working directory. */
const EVENT_FOLDERS = ["runs", "lightning_logs"];

interface ConsoleContext {
  readonly log: RunLog;
  readonly modelDir: string;
  readonly startedAt: number;
  /** The folder for TensorBoard's logs. */
  readonly logDir: string;
}

/** Opens the console that the options ask for. @throws {UsageError} if its address can't be listened on */
async function openConsole(
  { console: address, module: name, args }: Chosen,
  { module, script }: Target,
  { log, modelDir, startedAt, logDir }: ConsoleContext,
): Promise<TrainConsole | undefined> {
  if (address === undefined) return undefined;
  const { TrainConsole } = await import("../../train_console/mod.ts");
  const monitor = new TrainConsole(address, {
    version: VERSION,
    started: startedAt,
    name: name === "-" ? "an archive" : name.replace(/\/+$/, "").split("/").at(-1)!,
    module,
    script: script.startsWith(`${module}/`) ? script.slice(module.length + 1) : script,
    modelDir,
    args: maskArguments(args),
    folders: [modelDir, logDir, ...EVENT_FOLDERS.map(absolute)],
  });
  log.follow(monitor.log);
  log.say(`Console: ${monitor.url}\n`);
  if (!monitor.isLocal) {
    log.say("Warning: everyone who can reach this address can read the log and the arguments of this training\n");
  }
  return monitor;
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

/** What is made before a training. A signal stops it, and leaves nothing behind; no signal is lost between two steps. */
class Preparation implements Disposable {
  readonly #io: Io;
  readonly #stop = new AbortController();
  readonly #listening: Disposable;

  constructor(io: Io) {
    this.#io = io;
    this.#listening = io.onSignal((signal) => {
      this.#stop.abort(new StoppedError(`Stopped by ${signal} before training began`, exitCodeOf(signal)));
    });
  }

  /** @throws {StoppedError} if there was a signal */
  async make<T extends Disposable>(step: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { signal } = this.#stop;
    signal.throwIfAborted();
    const made = await step(signal);
    if (!signal.aborted) return made;
    made[Symbol.dispose]();
    throw signal.reason;
  }

  /** Ends the preparation: `handler` gets the signals from now on. */
  passOn(handler: (signal: StopSignal) => void): Disposable {
    const listening = this.#io.onSignal(handler);
    this[Symbol.dispose]();
    return listening;
  }

  [Symbol.dispose](): void {
    this.#listening[Symbol.dispose]();
  }
}
