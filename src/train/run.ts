/** Runs one training in a Python process, from its start to its end. */

import { withLimit } from "../with_limit.ts";
import {
  type Assets,
  BridgeProcess,
  describeExit,
  type Exit,
  exitCodeOf,
  Kind,
  parseMetadata,
  type ScriptOutput,
  type StopSignal,
} from "../bridge/mod.ts";
import { temporaryPlace } from "../cache/temporary.ts";

/** The settings of a training run. */
export interface TrainConfig {
  /** Path of the Python. */
  readonly python: string;
  /** Absolute paths. */
  readonly module: string;
  readonly script: string;
  readonly modelDir: string;
  /** Arguments that the script gets unchanged. */
  readonly args: readonly string[];
  readonly tensorBoardEnabled: boolean;
  /** The absolute path of the folder for TensorBoard logs. */
  readonly tensorBoardDir: string;
  /** Options of torchrun, which starts several processes that train; undefined to train in one process. */
  readonly launcher?: readonly string[] | undefined;
  /** Variables of the script's environment in addition to this process's. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
  /** Whether the script's scalars are wanted: see {@linkcode TrainContext.onScalars}. */
  readonly scalars?: boolean | undefined;
  /** How long the script may take to end after the first signal, in ms; then it is killed. */
  readonly stopTimeoutMs: number;
}

/** What the caller provides to a training run. */
export interface TrainContext {
  readonly assets: Assets;
  readonly env: (name: string) => string | undefined;
  /** Calls `handler` for each SIGINT, SIGTERM and SIGHUP until disposed. */
  readonly onSignal: (handler: (signal: StopSignal) => void) => Disposable;
  /** Where the script's output goes. @default "inherit" */
  readonly output?: "inherit" | ScriptOutput | undefined;
  /** Gets the body of each SCALARS frame, if the scalars are wanted. */
  readonly onScalars?: ((body: Uint8Array) => void) | undefined;
  /** Gets the id of the process that trains, when it has started. */
  readonly onStart?: ((pid: number) => void) | undefined;
  /** Calls `handler` when the terminal's size changes, until disposed. */
  readonly onResize?: ((handler: () => void) => Disposable) | undefined;
}

/** How a training run ended. */
export interface TrainOutcome {
  /** The exit code: 0, the script's own, 1 for an exception, or 128 + n for signal n. */
  readonly code: number;
  /** The reason of a failure. */
  readonly message?: string;
}

/** The signals by which a stopped script may end: the one passed on, or another one sent to the whole process group. */
const STOPS: ReadonlySet<Deno.Signal> = new Set<StopSignal>(["SIGHUP", "SIGINT", "SIGTERM"]);

/** How long a signal to all processes of a job may take from the script to this process, in ms. */
const SAME_STOP_MS = 300;

/** The limit on a frame's body, in bytes; a training sends none. */
const MAX_BODY = 1024 * 1024;

/**
 * Runs a training. The first SIGINT or SIGTERM is passed on to the script, which gets a KeyboardInterrupt; a second one, or
 * `stopTimeoutMs`, kills the script and all processes that it has started. SIGHUP is passed on to all of these, as a closing terminal
 * does, and ends those that do not handle it.
 *
 * @throws {StartError} if Python can't be started
 */
export async function train(config: TrainConfig, context: TrainContext): Promise<TrainOutcome> {
  const aborter = new AbortController();
  let process: BridgeProcess | undefined;
  let first: StopSignal | undefined;
  let killed: string | undefined;
  let hungUp = false;
  let ended = false;
  const stopped = Promise.withResolvers<void>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const kill = (why: string) => {
    killed ??= why;
    process?.kill("SIGKILL");
  };
  using _ = context.onSignal((signal) => {
    // The outcome is known already.
    if (ended) return;
    if (signal === "SIGHUP") {
      if (first !== undefined) return;
      hungUp = true;
      stopped.resolve();
      aborter.abort(new Interrupted(signal));
      return process?.kill(signal);
    }
    if (first !== undefined) return kill(`a second ${signal}`);
    first = signal;
    stopped.resolve();
    aborter.abort(new Interrupted(signal));
    // Ctrl+C in a terminal goes to all processes of a group; SIGTERM goes to one process.
    if (signal === "SIGTERM") process?.terminate();
    else process?.kill(signal);
    const seconds = config.stopTimeoutMs / 1000;
    timer = setTimeout(() => kill(`it did not end within ${seconds} s of ${signal}`), config.stopTimeoutMs);
  });
  // The terminal signals only its foreground group, which the script is not in.
  using _resize = context.onResize?.(() => process?.kill("SIGWINCH"));
  try {
    process = await BridgeProcess.start({
      python: config.python,
      assets: context.assets,
      env: context.env,
      variables: config.variables,
      output: context.output ?? "inherit",
      maxBody: MAX_BODY,
      signal: aborter.signal,
    });
    // A signal just before HELLO has reached no process.
    aborter.signal.throwIfAborted();
    process.begin({
      mode: "train",
      module: config.module,
      script: config.script,
      model_dir: config.modelDir,
      args: config.args,
      tensor_board_enabled: config.tensorBoardEnabled,
      tensor_board_dir: config.tensorBoardDir,
      max_body: MAX_BODY,
      ...(config.scalars && { scalars: true }),
      ...(config.launcher !== undefined && { launcher: config.launcher, temporary: temporaryPlace(context.env) }),
    });
    context.onStart?.(process.pid);
    const report = follow(process, context.onScalars);
    const exit = await process.ended;
    // A manager that signals all processes of a job has reached the script first.
    if (exit?.signal && STOPS.has(exit.signal)) await withLimit(stopped.promise, SAME_STOP_MS);
    ended = true;
    await process.endOutput();
    return outcomeOf(exit, await report, first ?? (hungUp ? "SIGHUP" : undefined), killed);
  } catch (error) {
    if (error instanceof Interrupted) return { code: exitCodeOf(error.signal), message: error.message };
    throw error;
  } finally {
    clearTimeout(timer);
    process?.[Symbol.dispose]();
    await process?.ended;
  }
}

class Interrupted extends Error {
  constructor(readonly signal: StopSignal) {
    super(`Interrupted by ${signal} before training began`);
  }
}

/** What the bridge reported before the process ended. */
interface Report {
  done: boolean;
  failure?: string;
}

/** How long to wait for the last frames after the process has ended, in ms: its children may keep the connection open. */
const READ_REST_MS = 50;

async function follow(process: BridgeProcess, onScalars: TrainContext["onScalars"]): Promise<Report> {
  const report: Report = { done: false };
  const reading = process.connection.run({
    onFrame: ({ kind, metadata, body }) => {
      if (kind === Kind.Done) report.done = true;
      if (kind === Kind.Scalars) onScalars?.(body);
      if (kind === Kind.Failed) {
        const { type, message } = parseMetadata(metadata);
        report.failure = type === "ScriptError" ? String(message) : `Training raised ${type}: ${message}`;
      }
    },
  }).catch(() => {
    // If the stream breaks, the exit tells what happened to the worker.
  });
  await process.ended;
  await withLimit(reading, READ_REST_MS);
  return report;
}

function outcomeOf(
  exit: Exit | undefined,
  report: Report,
  first: StopSignal | undefined,
  killed: string | undefined,
): TrainOutcome {
  if (exit === undefined) {
    const code = first === undefined ? 1 : exitCodeOf(first);
    return { code, message: `Training was killed (${killed}), but its process is still there` };
  }
  // An exception that was reported comes before any signal that ends the process.
  if (report.failure !== undefined) return { code: exit.signal === null ? exit.code || 1 : 1, message: report.failure };
  if (first !== undefined && killed !== undefined && exit.signal !== null) {
    return { code: exitCodeOf(first), message: `Training was killed: ${killed}` };
  }
  if (first !== undefined && exit.signal !== null && STOPS.has(exit.signal)) {
    return { code: exitCodeOf(first), message: `Training was stopped by ${first}` };
  }
  if (exit.signal !== null) {
    return { code: exitCodeOf(exit.signal), message: `Training ended by ${describeExit(exit)}` };
  }
  if (exit.code !== 0) return { code: exit.code, message: `Training ended with ${describeExit(exit)}` };
  if (report.done) return { code: 0 };
  return { code: 0, message: "The script ended the process with exit code 0 before train() returned" };
}
