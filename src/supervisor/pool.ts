/**
 * The workers, and the requests that wait for one.
 *
 * 1. A job goes to the least loaded worker that has room, else into the queue; the queue is first in, first out.
 * 2. Jobs that a dead worker had not begun go to the head of the queue, in their order.
 * 3. A worker that dies is replaced after a pause that grows; jobs wait for the replacement, no longer than `queueTimeoutMs`.
 * 4. If the first worker can't load the script, nothing will: the pool fails.
 */

import { getLogger } from "@logtape/logtape";
import { ScriptError } from "../errors.ts";
import { Backoff } from "./backoff.ts";
import type { Invocation, Job, Outcome } from "./job.ts";
import type { Death, Worker, WorkerEvents } from "./worker.ts";

const log = getLogger(["aimodellib", "supervisor"]);

/** What a pool needs of a worker. */
export type PooledWorker = Pick<Worker, "pid" | "ready" | "dead" | "load" | "hasRoom" | "run" | "dispatch" | "stop">;

/** How a pool is made. */
export interface PoolOptions {
  /** Number of workers. @default 1 */
  readonly size?: number;
  /** The most jobs that wait for a worker; beyond it they are refused. @default 10_000 */
  readonly queueSize?: number;
  /** The longest that a job waits for a worker, in ms. @default 30_000 */
  readonly queueTimeoutMs?: number;
  /** Makes a worker; `run` is called by the pool. */
  readonly createWorker: (index: number, events: WorkerEvents) => PooledWorker;
  readonly backoff?: () => Backoff;
}

/** What health checks ask. */
export type PoolState = "loading" | "ready" | "restarting" | "stopping";

interface Slot {
  readonly index: number;
  readonly backoff: Backoff;
  worker: PooledWorker;
  timer?: ReturnType<typeof setTimeout>;
}

/** A fixed number of workers that are kept running. */
export class Pool {
  readonly #options: Required<PoolOptions>;
  readonly #slots: Slot[] = [];
  readonly #ready = Promise.withResolvers<void>();
  readonly #failed = Promise.withResolvers<never>();
  readonly #ended = Promise.withResolvers<void>();
  #queue: Job[] = [];
  #everReady = false;
  #stopping = false;
  #sweeper: ReturnType<typeof setInterval> | undefined;

  constructor(options: PoolOptions) {
    this.#options = { size: 1, queueSize: 10_000, queueTimeoutMs: 30_000, backoff: () => new Backoff(), ...options };
    this.#failed.promise.catch(() => {});
  }

  /** Resolves when the first worker is ready. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Rejects with a `ScriptError` if the first worker can't load the script; never resolves. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /** Where the pool stands. */
  get state(): PoolState {
    if (this.#stopping) return "stopping";
    if (!this.#everReady) return "loading";
    return this.#slots.some(({ worker }) => worker.ready) ? "ready" : "restarting";
  }

  /** Process ids of the workers that have one. */
  get pids(): number[] {
    return this.#slots.flatMap(({ worker }) => worker.pid ?? []);
  }

  /** Jobs that wait for a worker. */
  get queued(): number {
    return this.#queue.length;
  }

  /** Starts the workers. */
  start(): void {
    for (let index = 0; index < this.#options.size; index++) {
      const slot = { index, backoff: this.#options.backoff() } as Slot;
      this.#slots.push(slot);
      this.#startWorker(slot);
    }
  }

  /** Takes a request to its outcome. Never rejects. */
  invoke({ metadata, body }: Invocation): Promise<Outcome> {
    if (this.#stopping) return Promise.resolve({ kind: "refused", cause: "stopping" });
    if (!this.#everReady) return Promise.resolve({ kind: "refused", cause: "loading" });
    return new Promise((settle) => {
      const job: Job = { metadata, body, settle, acceptedAt: performance.now() };
      const worker = this.#queue.length === 0 ? this.#leastLoaded() : undefined;
      if (worker !== undefined) worker.dispatch(job);
      else if (this.#queue.length >= this.#options.queueSize) settle({ kind: "refused", cause: "full" });
      else this.#enqueue(job);
    });
  }

  /**
   * Ends the workers: each answers what it has, and is ended by force when `signal` is aborted. Resolves when all are dead.
   */
  async stop(signal: AbortSignal): Promise<void> {
    this.#stopping = true;
    for (const slot of this.#slots) {
      clearTimeout(slot.timer);
      slot.worker.stop(signal);
    }
    this.#endIfAllDead();
    await this.#ended.promise;
    clearInterval(this.#sweeper);
    for (const job of this.#queue.splice(0)) job.settle({ kind: "refused", cause: "stopping" });
  }

  #startWorker(slot: Slot): void {
    slot.worker = this.#options.createWorker(slot.index, {
      onReady: () => this.#onReady(slot),
      onRoom: () => this.#pump(),
      onDead: (death, orphans) => this.#onDead(slot, death, orphans),
    });
    slot.worker.run();
  }

  #onReady(slot: Slot): void {
    log.info("Worker {worker} is ready (process {pid})", { worker: slot.index + 1, pid: slot.worker.pid });
    this.#everReady = true;
    this.#ready.resolve();
    this.#pump();
  }

  #onDead(slot: Slot, death: Death, orphans: readonly Job[]): void {
    this.#queue.unshift(...orphans);
    if (this.#stopping) {
      this.#endIfAllDead();
      return;
    }
    if (!this.#everReady) {
      this.#failed.reject(death.loadError ?? new ScriptError(`The worker ended while it loaded: ${death.cause}`));
      return;
    }
    const pause = slot.backoff.next(death.readyMs);
    log.error("Worker {worker} ended ({cause}); it is started again in {pause} s", {
      worker: slot.index + 1,
      cause: death.cause,
      pause: (pause / 1000).toFixed(1),
    });
    if (this.#queue.length > 0) this.#watchQueue();
    slot.timer = setTimeout(() => this.#startWorker(slot), pause);
    this.#pump();
  }

  #endIfAllDead(): void {
    if (this.#slots.every(({ worker }) => worker.dead)) this.#ended.resolve();
  }

  #leastLoaded(): PooledWorker | undefined {
    let best: PooledWorker | undefined;
    for (const { worker } of this.#slots) {
      if (worker.hasRoom && (best === undefined || worker.load < best.load)) best = worker;
    }
    return best;
  }

  #enqueue(job: Job): void {
    this.#queue.push(job);
    this.#watchQueue();
  }

  /** Hands waiting jobs to workers that have room. */
  #pump(): void {
    let next = 0;
    while (next < this.#queue.length) {
      const worker = this.#leastLoaded();
      if (worker === undefined) break;
      worker.dispatch(this.#queue[next++]!);
    }
    if (next > 0) this.#queue.splice(0, next);
  }

  /** Refuses jobs that have waited too long, looking once a second while any wait. */
  #watchQueue(): void {
    this.#sweeper ??= setInterval(() => {
      const limit = performance.now() - this.#options.queueTimeoutMs;
      let late = 0;
      while (late < this.#queue.length && this.#queue[late]!.acceptedAt < limit) late++;
      for (const job of this.#queue.splice(0, late)) job.settle({ kind: "refused", cause: "timeout" });
      if (this.#queue.length === 0) {
        clearInterval(this.#sweeper);
        this.#sweeper = undefined;
      }
    }, 1_000);
  }
}
