/**
 * One Python process that executes requests, as a state machine:
 *
 *     starting ── HELLO ──> loading ── READY ──> ready
 *         └───────────┬────────┴───────────────────┘
 *                     ├── stop(), a time limit, FAILED, a protocol error ──> ending ── exit ──┐
 *                     └── exit ───────────────────────────────────────────────────────────────┴──> dead
 *
 * 1. Each state holds what exists only in it (`worker_state.ts`). `ending` keeps the state before it, since the process may still answer
 *    its jobs.
 * 2. Only a ready worker gets jobs (`workload.ts`).
 * 3. A worker enters `dead` once, after we have read everything that the process wrote.
 */

import { messageOf, ProtocolError } from "../errors.ts";
import {
  type BridgeOptions,
  BridgeProcess,
  describeExit,
  type Exit,
  type Frame,
  Kind,
  type StartConfig,
  StartError,
} from "../bridge/mod.ts";
import { loadErrorOf, loadFailureIn, mannerIn, tracebackIn } from "./answers.ts";
import { StartupDeadline } from "./deadlines.ts";
import type { Job } from "./job.ts";
import { readToEnd } from "./reading.ts";
import type { ScriptFailure } from "./script_failure.ts";
import type { WorkerGauges } from "./script_gauges.ts";
import { UsageReports } from "./usage_reports.ts";
import type { Usage, WorkerEvents } from "./worker_events.ts";
import { type EndCause, endingFor, endOf, explain, type Loading, stageOf, type WorkerState } from "./worker_state.ts";
import { notItsOwn, Workload } from "./workload.ts";

/** Options of a {@linkcode Worker}. */
export interface WorkerOptions extends BridgeOptions {
  readonly config: StartConfig;
  /** Time limit for loading the script, in ms. @default no limit */
  readonly startupTimeoutMs?: number | undefined;
  /** Time limit for executing a request, in ms; a worker that exceeds it is killed. @default no limit */
  readonly requestTimeoutMs?: number | undefined;
  /** Number of answered requests after which the worker should be replaced. @default no limit */
  readonly maxRequests?: number | undefined;
  /** Memory of the process above which the worker should be replaced, in bytes. @default no limit */
  readonly maxMemory?: number | undefined;
  /** Called for each error of the script. */
  readonly onFailure?: (failure: ScriptFailure) => void;
  /** Called when the Python has started, with its version; with undefined if it could not start. */
  readonly onStarted?: ((version: string | undefined) => void) | undefined;
}

/** Why a worker is killed that still runs some time after {@linkcode Worker.stop}: it may have answered all of its jobs. */
const FORCED: EndCause = {
  kind: "killed",
  reason: "it did not end in time, and was killed",
};

/** How long a process that can't execute requests any more may take to end, in ms. */
const LEAVE_LIMIT_MS = 5_000;

const NO_JOBS = { orphans: [], lost: [] };
const NOTHING = new Uint8Array(0);

/** One Python process that executes requests, from its start to its end. */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #events: WorkerEvents;
  readonly #usage: UsageReports;
  /** Aborted when the worker is dead. */
  readonly #dead = new AbortController();
  #state: WorkerState;

  constructor(options: WorkerOptions, events: WorkerEvents) {
    const { startupTimeoutMs, maxMemory } = options;
    this.#options = options;
    this.#events = events;
    this.#usage = new UsageReports({ ...events, maxMemory });
    const deadline = new StartupDeadline(startupTimeoutMs, (reason) => this.#kill({ kind: "killed", reason }));
    this.#state = { kind: "starting", aborter: new AbortController(), deadline };
  }

  /** The process id; undefined until Python has connected, and after its end. */
  get pid(): number | undefined {
    const stage = stageOf(this.#state);
    return "process" in stage ? stage.process.pid : undefined;
  }

  /** Whether the worker can execute jobs. {@linkcode hasRoom} says whether it takes another one now. */
  get ready(): boolean {
    return this.#state.kind === "ready";
  }

  /** Whether the process has ended, and all of its jobs are settled or handed back. */
  get dead(): boolean {
    return this.#state.kind === "dead";
  }

  /** The usage reported last; a busy worker reports about once a second. */
  get usage(): Usage | undefined {
    return this.#usage.last;
  }

  /** The gauges that the script has set. */
  get gauges(): WorkerGauges {
    return this.#usage.gauges;
  }

  /** Asks the worker for fresh {@linkcode usage}, and resolves when it has replied. A busy worker replies after its current request. */
  askUsage(): Promise<void> {
    const state = this.#state;
    if (state.kind !== "ready") return Promise.resolve();
    return this.#usage.ask(() => state.process.connection.send(Kind.Stats, 0, NOTHING, NOTHING));
  }

  /** The script's description of its tensors, as JSON; undefined if it has none, or the worker is not ready. */
  get signature(): unknown {
    return this.#state.kind === "ready" ? this.#state.signature : undefined;
  }

  /** The parts of OpenAI's API that the script offers; undefined unless the worker is ready. */
  get openAi(): readonly string[] | undefined {
    return this.#state.kind === "ready" ? this.#state.openAi : undefined;
  }

  /** The number of requests that it takes at once; undefined if it executes one after the other, or is not ready. */
  get window(): number | undefined {
    return this.#state.kind === "ready" ? this.#state.window : undefined;
  }

  /** The number of jobs that the worker has not answered. */
  get load(): number {
    return this.#jobs?.size ?? 0;
  }

  /** Whether the worker takes another job now. */
  get hasRoom(): boolean {
    return this.#state.kind === "ready" && this.#state.jobs.hasRoom;
  }

  /** Sends a job to the worker. Call it only if {@linkcode hasRoom} is true. */
  dispatch(job: Job): void {
    this.#jobs!.dispatch(job);
  }

  /** Starts the process and resolves at its end. Call it once. Never rejects: a failed start is reported as a death. */
  async run(): Promise<void> {
    const stage = stageOf(this.#state);
    if (stage.kind !== "starting") return;
    stage.deadline.start();
    let process: BridgeProcess;
    try {
      process = await BridgeProcess.start({ ...this.#options, signal: stage.aborter.signal });
    } catch (error) {
      this.#options.onStarted?.(undefined);
      return this.#die(explain(this.#state, messageOf(error)));
    }
    this.#options.onStarted?.(process.pythonVersion);
    this.#onConnect({ kind: "loading", process, deadline: stage.deadline });
    const { exit, endedAt } = await readToEnd(process, {
      onFrame: (frame) => this.#onFrame(frame),
      onBatch: () => this.#jobs?.onBatch(),
      isAsked: () => endOf(this.#state).asked,
      onBroken: (error) => this.#kill({ kind: "protocol error", error }),
    });
    this.#die(explain(this.#state, exit && this.#describe(exit)), exit, endedAt);
  }

  /** Asks the worker to end after it has answered its jobs; kills it when `signal` is aborted. */
  stop(signal: AbortSignal): void {
    const state = this.#state;
    if (state.kind === "dead") return;
    const stage = stageOf(state);
    if (stage.kind === "starting") stage.aborter.abort(new StartError("It was stopped before it had started"));
    else if (stage.kind === "loading") stage.process.kill("SIGTERM");
    else if (stage.kind === "ready") stage.process.requestStop();
    this.#state = endingFor(state, undefined);
    const force = () => this.#kill(FORCED);
    if (signal.aborted) force();
    // The listener ends with the worker: afterwards, its process id may belong to another process.
    else signal.addEventListener("abort", force, { once: true, signal: this.#dead.signal });
  }

  /** The jobs of the worker; undefined if it was never ready, or is dead. */
  get #jobs(): Workload | undefined {
    const stage = stageOf(this.#state);
    return stage.kind === "ready" ? stage.jobs : undefined;
  }

  /** The jobs that a frame is about. @throws {ProtocolError} if the worker can't have any, since it was never ready */
  #jobsFor(frame: Frame): Workload {
    const jobs = this.#jobs;
    if (jobs === undefined) throw notItsOwn(frame);
    return jobs;
  }

  #kill(cause: EndCause): void {
    this.#state = endingFor(this.#state, cause);
    const stage = stageOf(this.#state);
    if (stage.kind === "starting") stage.aborter.abort();
    else if (stage.kind !== "dead") stage.process.kill("SIGKILL");
  }

  /** Has a process end that can't execute requests any more. It hands back those that it has not begun. */
  #leave(reason: string): void {
    if (this.#state.kind !== "ready") return;
    const { process } = this.#state;
    const cause = { kind: "killed", reason } as const;
    this.#state = endingFor(this.#state, cause);
    process.requestStop();
    const timer = setTimeout(() => this.#kill(cause), LEAVE_LIMIT_MS);
    this.#dead.signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  }

  #onConnect(loading: Loading): void {
    const { process } = loading;
    this.#usage.watch(process.pid, () => this.#state === loading || this.load > 0);
    if (this.#state.kind === "ending") {
      // The start was aborted just as Python connected.
      this.#state = { ...this.#state, stage: loading };
      process.end();
    } else {
      this.#state = loading;
      process.begin(this.#options.config);
    }
  }

  #onFrame(frame: Frame): void {
    if (frame.shared !== undefined && frame.kind !== Kind.Result && frame.kind !== Kind.Error) {
      throw new ProtocolError(`A frame of kind ${frame.kind} has the unknown flags ${frame.shared.flags}`);
    }
    switch (frame.kind) {
      case Kind.Ready:
        return this.#onReady(frame);
      case Kind.Failed:
        return this.#onFailed(frame);
      case Kind.Result:
      case Kind.Error:
        return this.#jobsFor(frame).onAnswer(frame);
      case Kind.Part:
        return this.#jobsFor(frame).onPart(frame);
      case Kind.Stats:
        return this.#usage.onStats(frame);
      default:
        throw new ProtocolError(`A serving worker does not send frames of kind ${frame.kind}`);
    }
  }

  #onReady(frame: Frame): void {
    if (this.#state.kind !== "loading") return;
    const manner = mannerIn(frame);
    const { process, deadline } = this.#state;
    deadline[Symbol.dispose]();
    if (manner.memory) process.share();
    const jobs = new Workload(process, manner, {
      ...this.#options,
      ...this.#events,
      onRoom: () => this.ready && this.#events.onRoom(),
      onOverrun: (overran) => {
        const seconds = this.#options.requestTimeoutMs! / 1000;
        this.#kill({ kind: "killed", reason: `a request overran --request-timeout ${seconds}`, overran });
      },
      onBroken: (reason) => this.#leave(reason),
    });
    const { signature, openAi, window } = manner;
    this.#state = { kind: "ready", process, jobs, signature, openAi, window, since: performance.now() };
    this.#events.onReady();
  }

  #onFailed(frame: Frame): void {
    const error = loadFailureIn(frame);
    this.#state = endingFor(this.#state, { kind: "load error", error: loadErrorOf(error) });
    // A ScriptError's message explains itself, without a traceback.
    if (error.type !== "ScriptError") this.#options.onFailure?.({ error, traceback: tracebackIn(frame) });
  }

  #describe(exit: Exit): string {
    return describeExit({ ...exit, outOfMemory: exit.outOfMemory || this.#usage.isNearLimit });
  }

  /**
   * @param explanation the cause, as part of a sentence
   * @param exit how the process ended; undefined if it did not start, or did not end
   * @param endedAt when that was, in ms of `performance.now()`
   */
  #die(explanation: string, exit?: Exit, endedAt = 0): void {
    const { output } = this.#options;
    if (typeof output === "function") output.flush?.();
    const stage = stageOf(this.#state);
    const { asked, cause } = endOf(this.#state);
    this.#state = { kind: "dead" };
    this.#dead.abort();
    this.#usage.stop();
    if ("deadline" in stage) stage.deadline[Symbol.dispose]();
    const ready = stage.kind === "ready" ? stage : undefined;
    const overran = cause?.kind === "killed" ? cause.overran : undefined;
    const { orphans, lost } = ready?.jobs.end({ cause: explanation, exited: exit !== undefined, overran }) ?? NO_JOBS;
    if ("process" in stage) stage.process[Symbol.dispose]();
    const { memory } = this.#usage;
    this.#events.onDead({
      cause: explanation,
      readyMs: ready === undefined ? 0 : performance.now() - ready.since,
      // A worker that was still loading had no jobs, so any exit counts as stopped.
      stopped: asked && (ready === undefined || exit?.code === 0),
      overran: overran !== undefined,
      requests: lost,
      ...(memory && { memory: { bytes: memory.bytes, ageMs: Math.max(0, endedAt - memory.at) } }),
      ...(exit && { exit }),
      ...(cause?.kind === "load error" && { loadError: cause.error }),
    }, orphans);
  }
}
