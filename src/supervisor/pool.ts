/**
 * The workers of a model.
 *
 * 1. A dead worker is restarted after a growing pause. Jobs wait for it, but no longer than `queueTimeoutMs` (`dispatcher.ts`).
 * 2. The pool fails if the first worker can't load the script, since no other could, or if workers keep dying.
 * 3. Workers are replaced one after the other.
 */

import { getLogger } from "@logtape/logtape";
import { withLimit } from "../with_limit.ts";
import type { Metric } from "../observability/metrics.ts";
import { AimodellibError, ScriptError } from "../errors.ts";
import { Backoff } from "../backoff.ts";
import { describeMemory, logDeath, workerName } from "./death_log.ts";
import { Dispatcher } from "./dispatcher.ts";
import type { Invocation, Outcome } from "./job.ts";
import { RestartLimit } from "./restart_limit.ts";
import { type ReloadResult, Rollover } from "./rollover.ts";
import { Slot, type SlotEvents, type SlotOptions } from "./slot.ts";
import { Measures } from "./measures.ts";
import type { Death } from "./worker_events.ts";

const log = getLogger(["aimodellib", "supervisor"]);

/** How long to wait for workers to report their usage, in ms. */
const USAGE_LIMIT_MS = 200;

/** Options of a {@linkcode Pool}. */
export interface PoolOptions extends Pick<SlotOptions, "createWorker"> {
  /** The name of the pool's model, if there are several models. */
  readonly model?: string | undefined;
  /** The number of workers. @default 1 */
  readonly size?: number;
  /** The most jobs that may wait for a worker; more are refused. @default 10_000 */
  readonly queueSize?: number;
  /** The longest time that a job waits for a worker, in ms. @default 30_000 */
  readonly queueTimeoutMs?: number;
  /** How long a replaced worker may take to answer its jobs, in ms. @default 30_000 */
  readonly drainTimeoutMs?: number;
  /** The pool fails with more deaths of workers than this within `restartWindowMs`. @default 20 */
  readonly maxRestarts?: number;
  /** The window in which deaths are counted, in ms. @default 600_000 */
  readonly restartWindowMs?: number;
  readonly backoff?: () => Backoff;
}

/** The state that health checks report. `degraded` is `ready` with fewer workers than configured. */
export type PoolState = "loading" | "ready" | "degraded" | "restarting" | "stopping";

/** What a pool has counted since its start, and its workers now. */
export interface PoolNow {
  readonly measures: Measures;
  /** The number of jobs that wait for a worker. */
  readonly queued: number;
  /** The number of workers that can execute requests. */
  readonly ready: number;
  /** The workers by their names in logs; `load` is the number of their unanswered jobs. */
  readonly workers: readonly {
    readonly worker: string;
    readonly pid: number | undefined;
    readonly ready: boolean;
    readonly dead: boolean;
    readonly load: number;
  }[];
}

/** Keeps a fixed number of workers running, and dispatches requests to them. */
export class Pool {
  readonly #options: Required<Omit<PoolOptions, "model">> & Pick<PoolOptions, "model">;
  #slots: readonly Slot[] = [];
  readonly #ready = Promise.withResolvers<void>();
  readonly #failed = Promise.withResolvers<never>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #dispatcher: Dispatcher;
  #everReady = false;
  #signature: unknown;
  #openAi: readonly string[] | undefined;
  #window: number | undefined;
  #stopping = false;
  readonly #measures = new Measures();
  readonly #restarts: RestartLimit;
  readonly #rollover: Rollover;

  constructor(options: PoolOptions) {
    this.#options = {
      size: 1,
      queueSize: 10_000,
      queueTimeoutMs: 30_000,
      drainTimeoutMs: 30_000,
      maxRestarts: 20,
      restartWindowMs: 600_000,
      backoff: () => new Backoff(),
      ...options,
    };
    this.#failed.promise.catch(() => {});
    const { model, queueSize, queueTimeoutMs } = this.#options;
    const slots = () => this.#slots;
    this.#dispatcher = new Dispatcher({ model, slots, queueSize, queueTimeoutMs, waited: this.#measures.queue });
    this.#restarts = new RestartLimit(this.#options);
    this.#rollover = new Rollover({ model, slots, isStopping: () => this.#stopping });
  }

  /** Resolves when the first worker is ready. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /**
   * Rejects with a `ScriptError` if the first worker can't load the script, or with an `AimodellibError` if workers keep dying. Never
   * resolves.
   */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /** The current state of the pool. */
  get state(): PoolState {
    if (this.#stopping) return "stopping";
    if (!this.#everReady) return "loading";
    const { readyWorkers, size } = this;
    return readyWorkers === size ? "ready" : readyWorkers > 0 ? "degraded" : "restarting";
  }

  /** The configured number of workers. */
  get size(): number {
    return this.#options.size;
  }

  /** The number of workers that can execute requests. */
  get readyWorkers(): number {
    return this.#slots.filter(({ worker }) => worker.ready).length;
  }

  /** The process ids of all workers that have connected. */
  get pids(): number[] {
    return this.#slots.flatMap(({ worker }) => worker.pid ?? []);
  }

  /** The script's description of its tensors, as JSON; undefined if it has none. */
  get signature(): unknown {
    return this.#signature;
  }

  /** The parts of OpenAI's API that the script offers; undefined until a worker was ready. */
  get openAi(): readonly string[] | undefined {
    return this.#openAi;
  }

  /** The number of requests that a worker takes at once; undefined if it executes one after the other, or none was ready. */
  get window(): number | undefined {
    return this.#window;
  }

  /** The number of jobs that wait for a worker. */
  get queued(): number {
    return this.#dispatcher.queued;
  }

  /** Asks all workers for fresh usage; waits at most 200 ms, since busy ones reply late. */
  async askUsage(): Promise<void> {
    await withLimit(Promise.all(this.#slots.map(({ worker }) => worker.askUsage())), USAGE_LIMIT_MS);
  }

  /** What was counted, and the workers now. */
  get figures(): PoolNow {
    return {
      measures: this.#measures,
      queued: this.queued,
      ready: this.readyWorkers,
      workers: this.#slots.map(({ index, worker: { pid, ready, dead, load } }) => ({
        worker: String(this.#nameOf(index)),
        pid,
        ready,
        dead,
        load,
      })),
    };
  }

  /** The metrics that the script has of its own, over all workers. */
  scriptMetrics(): Metric[] {
    return this.#measures.script.metrics(this.#slots.flatMap(({ worker: { gauges } }) => gauges ?? []));
  }

  /** The metrics of this pool. */
  metrics(): Metric[] {
    return this.#measures.metrics({
      queued: this.queued,
      ready: this.readyWorkers,
      workers: this.#slots.map(({ index, starts, loadMs, worker: { load, usage, ready, gauges } }) => {
        return { index, load, usage, starts, loadMs, ...(ready && { gauges }) };
      }),
    });
  }

  /** Starts the workers; {@linkcode ready} and {@linkcode failed} report how that goes. */
  start(): void {
    const { size, createWorker, backoff, drainTimeoutMs } = this.#options;
    const events: SlotEvents = {
      onReady: (slot) => this.#onReady(slot),
      onRoom: () => this.#dispatcher.pump(),
      onUsage: ({ times }, before) => this.#measures.addTimes(times, before?.times),
      onScriptMetrics: (metrics, since) => this.#measures.script.add(metrics, since),
      onReplaced: () => this.#measures.countRestart("replaced"),
      onWorn: (slot, reason) => this.#rollover.onWorn(slot, reason),
      onOrphans: (orphans) => this.#dispatcher.putBack(orphans),
      onDeath: (slot, death) => this.#onDeath(slot, death),
      onAftermath: ({ index }, death, aftermath) => logDeath(this.#nameOf(index), death, aftermath),
      onEnd: () => this.#onEnd(),
    };
    this.#slots = Array.from(
      { length: size },
      (_, index) => new Slot({ index, createWorker, backoff: backoff(), drainTimeoutMs, events }),
    );
    for (const slot of this.#slots) slot.start();
  }

  /** Executes a request and resolves with its outcome. Never rejects. */
  invoke({ metadata, context, head, body, lease, borrows, client, onDispatch }: Invocation): Promise<Outcome> {
    if (this.#stopping) return Promise.resolve({ kind: "refused", cause: "stopping" });
    if (!this.#everReady) return Promise.resolve({ kind: "refused", cause: "loading" });
    return new Promise((settle) => {
      this.#dispatcher.add({
        metadata,
        context,
        head,
        body,
        lease,
        borrows,
        client,
        onDispatch,
        settle,
        acceptedAt: performance.now(),
      });
    });
  }

  /**
   * Replaces all workers, one after the other, by new ones, which load the script again. If the first new one can't load it, the old
   * ones stay. All reloads requested while one is running are combined into one more.
   */
  reload(): Promise<ReloadResult> {
    return this.#rollover.reload();
  }

  /**
   * Stops the workers: each answers its jobs first, and is killed when `signal` is aborted. Resolves when all are dead.
   *
   * @param signal by default, one that is aborted after `drainTimeoutMs`
   */
  async stop(signal: AbortSignal = AbortSignal.timeout(this.#options.drainTimeoutMs)): Promise<void> {
    this.#stopping = true;
    for (const slot of this.#slots) slot.stop(signal);
    this.#onEnd();
    await this.#ended.promise;
    this.#dispatcher.stop();
    this.#rollover.stop();
  }

  #onReady({ index, worker }: Slot): void {
    this.#signature = worker.signature;
    this.#openAi = worker.openAi;
    this.#window = worker.window;
    log.info("Worker {worker} is ready (process {pid})", { worker: this.#nameOf(index), pid: worker.pid });
    this.#everReady = true;
    this.#ready.resolve();
    this.#dispatcher.pump();
  }

  #nameOf(index: number): string | number {
    return workerName(index, this.#options.model);
  }

  #onDeath({ index }: Slot, death: Death): boolean {
    const { overran, exit } = death;
    if (!this.#everReady) {
      this.#failed.reject(
        death.loadError ??
          new ScriptError(`The worker died while loading: ${death.cause}${describeMemory(death, ". ")}`),
      );
      return false;
    }
    this.#measures.countRestart(
      overran ? "overran" : exit === undefined ? "other" : exit.signal === null ? "exit" : "signal",
    );
    if (this.#stopping) return true;
    const reason = this.#restarts.count(death);
    if (reason === undefined) return true;
    logDeath(this.#nameOf(index), death);
    this.#failed.reject(new AimodellibError(reason));
    this.#stopping = true;
    this.#dispatcher.refuseAll();
    return false;
  }

  #onEnd(): void {
    if (this.#stopping && this.#slots.every(({ dead }) => dead)) this.#ended.resolve();
  }
}
