/**
 * The workers, and the requests that wait for one.
 *
 * 1. A job goes to the least loaded worker that has room, else into the queue; the queue is first in, first out.
 * 2. Jobs that a dead worker had not begun go to the head of the queue, in their order.
 * 3. A worker that dies is replaced after a pause that grows; jobs wait for the replacement, no longer than `queueTimeoutMs`.
 * 4. If the first worker can't load the script, nothing will: the pool fails. So it does when workers keep dying.
 * 5. Workers that are to be replaced are replaced one after the other.
 */

import { getLogger } from "@logtape/logtape";
import { withLimit } from "../with_limit.ts";
import type { Metric } from "../observability/metrics.ts";
import { AimodellibError, ScriptError } from "../errors.ts";
import { Backoff } from "../backoff.ts";
import { describeMemory, logDeath, workerName } from "./death_log.ts";
import type { Invocation, Job, Outcome } from "./job.ts";
import { JobQueue } from "./queue.ts";
import { QueueWatch } from "./queue_watch.ts";
import { Refusals } from "./refusals.ts";
import { RestartLimit } from "./restart_limit.ts";
import { Rollover } from "./rollover.ts";
import { type PooledWorker, Slot, type SlotEvents, type SlotOptions } from "./slot.ts";
import { Measures } from "./measures.ts";
import type { Death } from "./worker_events.ts";

const log = getLogger(["aimodellib", "supervisor"]);

/** For workers to say what they take, in ms. */
const USAGE_LIMIT_MS = 200;

/** How a pool is made. */
export interface PoolOptions extends Pick<SlotOptions, "createWorker"> {
  /** The model that it serves, if there are others. */
  readonly model?: string | undefined;
  /** Number of workers. @default 1 */
  readonly size?: number;
  /** The most jobs that wait for a worker; beyond it they are refused. @default 10_000 */
  readonly queueSize?: number;
  /** The longest that a job waits for a worker, in ms. @default 30_000 */
  readonly queueTimeoutMs?: number;
  /** For a worker that is replaced to answer what it has, in ms. @default 30_000 */
  readonly drainTimeoutMs?: number;
  /** With more deaths of workers than this within `restartWindowMs`, the pool fails. @default 20 */
  readonly maxRestarts?: number;
  /** In ms. @default 600_000 */
  readonly restartWindowMs?: number;
  readonly backoff?: () => Backoff;
}

/** What health checks ask: `degraded` is `ready` with fewer workers than there should be. */
export type PoolState = "loading" | "ready" | "degraded" | "restarting" | "stopping";

/** A fixed number of workers that are kept running. */
export class Pool {
  readonly #options: Required<Omit<PoolOptions, "model">> & Pick<PoolOptions, "model">;
  #slots: readonly Slot[] = [];
  readonly #ready = Promise.withResolvers<void>();
  readonly #failed = Promise.withResolvers<never>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #queue = new JobQueue();
  readonly #watch: QueueWatch;
  readonly #refusals: Refusals;
  #everReady = false;
  #signature: unknown;
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
    this.#refusals = new Refusals(model, { full: queueSize, timeout: queueTimeoutMs / 1000 });
    this.#restarts = new RestartLimit(this.#options);
    this.#rollover = new Rollover({ model, slots: () => this.#slots, isStopping: () => this.#stopping });
    this.#watch = new QueueWatch(this.#queue, queueTimeoutMs, (job) => this.#refusals.add("timeout", job));
  }

  /** Resolves when the first worker is ready. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /**
   * Rejects with a `ScriptError` if the first worker can't load the script, and with an `AimodellibError` if workers keep dying;
   * never resolves.
   */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /** Where the pool stands. */
  get state(): PoolState {
    if (this.#stopping) return "stopping";
    if (!this.#everReady) return "loading";
    const { readyWorkers, size } = this;
    return readyWorkers === size ? "ready" : readyWorkers > 0 ? "degraded" : "restarting";
  }

  /** How many workers there should be. */
  get size(): number {
    return this.#options.size;
  }

  /** How many of them can execute requests. */
  get readyWorkers(): number {
    return this.#slots.filter(({ worker }) => worker.ready).length;
  }

  /** Process ids of the workers that have one. */
  get pids(): number[] {
    return this.#slots.flatMap(({ worker }) => worker.pid ?? []);
  }

  /** What the script says of its tensors, as JSON; undefined if it says nothing. */
  get signature(): unknown {
    return this.#signature;
  }

  /** Jobs that wait for a worker. */
  get queued(): number {
    return this.#queue.size;
  }

  /** Asks all workers what they take and have counted; waits no longer than a moment for those that are busy. */
  async askUsage(): Promise<void> {
    await withLimit(Promise.all(this.#slots.map(({ worker }) => worker.askUsage())), USAGE_LIMIT_MS);
  }

  /** What is measured. */
  metrics(): Metric[] {
    return this.#measures.metrics({
      queued: this.queued,
      ready: this.readyWorkers,
      workers: this.#slots.map(({ index, worker: { load, usage } }) => ({ index, load, usage })),
    });
  }

  /** Starts the workers. */
  start(): void {
    const { size, createWorker, backoff, drainTimeoutMs } = this.#options;
    const events: SlotEvents = {
      onReady: (slot) => this.#onReady(slot),
      onRoom: () => this.#pump(),
      onUsage: ({ times }, before) => this.#measures.addTimes(times, before?.times),
      onReplaced: () => this.#measures.countRestart("replaced"),
      onWorn: (slot, reason) => this.#rollover.onWorn(slot, reason),
      onOrphans: (orphans) => this.#putBack(orphans),
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

  /** Takes a request to its outcome. Never rejects. */
  invoke({ metadata, context, head, body, client }: Invocation): Promise<Outcome> {
    if (this.#stopping) return Promise.resolve({ kind: "refused", cause: "stopping" });
    if (!this.#everReady) return Promise.resolve({ kind: "refused", cause: "loading" });
    return new Promise((settle) => {
      const job: Job = { metadata, context, head, body, client, settle, acceptedAt: performance.now() };
      const worker = this.#queue.size === 0 ? this.#leastLoaded() : undefined;
      if (worker !== undefined) {
        this.#measures.queue.observe(0);
        worker.dispatch(job);
      } else if (this.#queue.size >= this.#options.queueSize) {
        settle({ kind: "refused", cause: "full" });
        this.#refusals.add("full", job);
      } else {
        this.#watch.added(job, this.#queue.push(job));
      }
    });
  }

  /**
   * Replaces all workers, one after the other, by new ones; these have loaded the script anew. If the first of them can't, the
   * old ones stay. However many reloads are asked for during one, one more follows it.
   *
   * @returns whether all were replaced
   */
  reload(): Promise<boolean> {
    return this.#rollover.reload();
  }

  /**
   * Ends the workers: each answers what it has, and is ended by force when `signal` is aborted. Resolves when all are dead.
   *
   * @param signal aborted after `drainTimeoutMs`, if it is not given
   */
  async stop(signal: AbortSignal = AbortSignal.timeout(this.#options.drainTimeoutMs)): Promise<void> {
    this.#stopping = true;
    for (const slot of this.#slots) slot.stop(signal);
    this.#onEnd();
    await this.#ended.promise;
    this.#watch.stop();
    this.#refusals.stop();
    this.#rollover.stop();
    this.#refuseAll();
  }

  #onReady({ index, worker }: Slot): void {
    this.#signature = worker.signature;
    log.info("Worker {worker} is ready (process {pid})", { worker: this.#nameOf(index), pid: worker.pid });
    this.#everReady = true;
    this.#ready.resolve();
    this.#pump();
  }

  #nameOf(index: number): string | number {
    return workerName(index, this.#options.model);
  }

  #onDeath({ index }: Slot, death: Death): boolean {
    const { overran, exit } = death;
    if (!this.#everReady) {
      this.#failed.reject(
        death.loadError ??
          new ScriptError(`The worker ended while it loaded: ${death.cause}${describeMemory(death, ". ")}`),
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
    this.#refuseAll();
    return false;
  }

  #onEnd(): void {
    if (this.#stopping && this.#slots.every(({ dead }) => dead)) this.#ended.resolve();
  }

  #leastLoaded(): PooledWorker | undefined {
    let best: PooledWorker | undefined;
    for (const { worker } of this.#slots) {
      if (worker.hasRoom && (best === undefined || worker.load < best.load)) best = worker;
    }
    return best;
  }

  #putBack(orphans: readonly Job[]): void {
    if (orphans.length === 0) return;
    this.#queue.putBack(orphans);
    if (!this.#stopping) orphans.forEach((job) => this.#watch.added(job));
    this.#pump();
  }

  /** Hands waiting jobs to workers that have room. */
  #pump(): void {
    while (this.#queue.size > 0) {
      const worker = this.#leastLoaded();
      if (worker === undefined) break;
      const job = this.#queue.take()!;
      this.#measures.queue.observe((performance.now() - job.acceptedAt) / 1000);
      worker.dispatch(job);
    }
  }

  #refuseAll(): void {
    for (let job = this.#queue.take(); job !== undefined; job = this.#queue.take()) {
      job.settle({ kind: "refused", cause: "stopping" });
    }
  }
}
