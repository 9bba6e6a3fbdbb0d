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
import { describeMemory, logDeath } from "./death_log.ts";
import type { Invocation, Job, Outcome } from "./job.ts";
import { JobQueue } from "./queue.ts";
import { QueueWatch } from "./queue_watch.ts";
import { Refusals } from "./refusals.ts";
import { type PooledWorker, Slot, type SlotEvents, type SlotOptions } from "./slot.ts";
import { Measures } from "./measures.ts";
import type { Death, Usage } from "./worker_events.ts";

const log = getLogger(["aimodellib", "supervisor"]);

/** Before a worker is to be replaced again whose successor could not load, in ms. */
const RETRY_WORN_MS = 30_000;

/**
 * How long a successor may load while another reload waits behind it, in ms: this, or so many times what the last worker took to
 * load. Longer than that it hangs, and would keep the code that mends it from being loaded.
 */
const PATIENCE_MS = 60_000;
const PATIENCE_FACTOR = 3;

/**
 * So many workers may be ended for a request that takes too long for each one that may die. Such a request is often nothing but a
 * large one; but it costs a worker, and somebody may send it again and again.
 */
const OVERRUNS_PER_RESTART = 10;

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

/** What a log calls a worker. @param model the model that it serves, if there are others */
export function workerName(index: number, model: string | undefined): string | number {
  return model === undefined ? index + 1 : `${model}/${index + 1}`;
}

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
  /** When workers died, and when they were ended since a request took too long; in ms of `performance.now()`. */
  readonly #deaths: number[] = [];
  readonly #overruns: number[] = [];
  /** Workers that are to be replaced. */
  readonly #worn = new Set<PooledWorker>();
  #retry: ReturnType<typeof setTimeout> | undefined;
  /** The end of all replacements that were asked for. */
  #replacing: Promise<unknown> = Promise.resolve();
  /** The reload that has not begun. */
  #nextReload: Promise<boolean> | undefined;
  /** The successor that is loading, and since when, in ms of `performance.now()`. */
  #successor: { readonly slot: Slot; readonly since: number } | undefined;
  #patience: ReturnType<typeof setTimeout> | undefined;
  /** What the last successor took to load, in ms. */
  #loadMs = 0;

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
    const workers = this.#slots.map(({ index, worker }) => [{ worker: index + 1 }, worker] as const);
    const said = (what: (usage: Usage) => number) =>
      workers.flatMap(([labels, { usage }]) => usage === undefined ? [] : [[labels, what(usage)] as const]);
    return [
      ...this.#measures.metrics(),
      {
        name: "aimodellib_requests_queued",
        help: "Requests that wait for a worker.",
        type: "gauge",
        values: [[{}, this.queued]],
      },
      {
        name: "aimodellib_workers",
        help: "Workers by their state.",
        type: "gauge",
        values: [[{ state: "ready" }, this.readyWorkers], [{ state: "not_ready" }, this.size - this.readyWorkers]],
      },
      {
        name: "aimodellib_worker_requests",
        help: "Requests that a worker has not answered.",
        type: "gauge",
        values: workers.map(([labels, { load }]) => [labels, load]),
      },
      {
        name: "aimodellib_worker_memory_bytes",
        help: "Memory of a worker's process, in RAM.",
        type: "gauge",
        values: said(({ rss }) => rss),
      },
      {
        name: "aimodellib_worker_cpu_seconds",
        help: "Time of processors that a worker's process has taken since it began.",
        type: "gauge",
        values: said(({ cpu }) => cpu),
      },
    ];
  }

  /** Starts the workers. */
  start(): void {
    const { size, createWorker, backoff, drainTimeoutMs } = this.#options;
    const events: SlotEvents = {
      onReady: (slot) => this.#onReady(slot),
      onRoom: () => this.#pump(),
      onUsage: ({ times }, before) => this.#measures.addTimes(times, before?.times),
      onReplaced: () => this.#measures.countRestart("replaced"),
      onWorn: (slot, reason) => this.#onWorn(slot, reason),
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
    if (this.#nextReload === undefined) {
      if (this.#successor !== undefined) log.info(`Another reload${this.#ofModel} follows the one under way`);
      this.#nextReload = this.#replacing.then(() => {
        this.#nextReload = undefined;
        return this.#reload();
      });
      this.#replacing = this.#nextReload;
      this.#limitSuccessor();
    }
    return this.#nextReload;
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
    clearTimeout(this.#retry);
    clearTimeout(this.#patience);
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
    const { maxRestarts, restartWindowMs } = this.#options;
    const most = overran ? OVERRUNS_PER_RESTART * Math.max(1, maxRestarts) : maxRestarts;
    const now = performance.now();
    const deaths = overran ? this.#overruns : this.#deaths;
    while (deaths.length > 0 && deaths[0]! <= now - restartWindowMs) deaths.shift();
    deaths.push(now);
    if (deaths.length <= most) return true;
    const minutes = restartWindowMs / 60_000;
    logDeath(this.#nameOf(index), death);
    this.#failed.reject(
      new AimodellibError(
        `A worker ended (${death.cause}), the ${deaths.length}. time in ${minutes} minutes: giving up, as --max-restarts ` +
          `${maxRestarts} says${overran ? `, of which a restart after --request-timeout counts a tenth` : ""}`,
      ),
    );
    this.#stopping = true;
    this.#refuseAll();
    return false;
  }

  #onEnd(): void {
    if (this.#stopping && this.#slots.every(({ dead }) => dead)) this.#ended.resolve();
  }

  #onWorn(slot: Slot, reason: string): void {
    const { worker } = slot;
    if (this.#worn.has(worker)) return;
    this.#worn.add(worker);
    this.#replacing = this.#replacing.then(() => this.#replace(slot, worker, reason));
  }

  async #replace(slot: Slot, worker: PooledWorker, reason: string): Promise<void> {
    // It may have died, or been replaced, while it waited for its turn.
    if (slot.worker === worker && !worker.dead && !this.#stopping) {
      log.info("Worker {worker} is replaced: {reason}", { worker: this.#nameOf(slot.index), reason });
      const failure = await this.#succeed(slot);
      if (failure !== undefined && !this.#stopping) {
        log.error("Worker {worker} can't be replaced ({cause}), and goes on", {
          worker: this.#nameOf(slot.index),
          cause: failure.cause,
        });
        // It says so with each of its answers.
        this.#retry = setTimeout(() => this.#worn.delete(worker), RETRY_WORN_MS);
        return;
      }
    }
    this.#worn.delete(worker);
  }

  /** Has a successor take over from a worker. @returns why it could not */
  async #succeed(slot: Slot): Promise<Death | undefined> {
    const since = performance.now();
    this.#successor = { slot, since };
    this.#limitSuccessor();
    const failure = await slot.replace();
    clearTimeout(this.#patience);
    this.#successor = undefined;
    if (failure === undefined) this.#loadMs = performance.now() - since;
    return failure;
  }

  /** Ends a successor that keeps a reload waiting when it hangs. */
  #limitSuccessor(): void {
    if (this.#successor === undefined || this.#nextReload === undefined) return;
    const { slot, since } = this.#successor;
    const limitMs = Math.max(PATIENCE_MS, PATIENCE_FACTOR * this.#loadMs);
    this.#patience = setTimeout(
      () => slot.giveUpSuccessor(`it was not ready within ${limitMs / 1000} s, and another reload waits`),
      Math.max(0, since + limitMs - performance.now()),
    );
  }

  /** The model's name, to be appended to what a log says of it; empty if there is only one. */
  get #ofModel(): string {
    const { model } = this.#options;
    return model === undefined ? "" : ` '${model}'`;
  }

  async #reload(): Promise<boolean> {
    const { model } = this.#options;
    const what = this.#ofModel;
    log.info(`Reloading${what}: workers are replaced one after the other`, { model });
    for (const slot of this.#slots) {
      if (this.#stopping) return false;
      const failure = await this.#succeed(slot);
      if (failure === undefined) continue;
      if (!this.#stopping) {
        log.error(`Reloading${what} failed ({cause}); the old workers go on`, { model, cause: failure.cause });
      }
      return false;
    }
    log.info(`Reloaded${what}`, { model });
    return true;
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
