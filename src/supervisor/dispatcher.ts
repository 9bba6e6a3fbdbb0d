/**
 * Gives the jobs of a pool to its workers.
 *
 * 1. A job goes to the least loaded worker that has room, else into the queue, which is first in, first out.
 * 2. Jobs that a worker returned without beginning them go to the head of the queue, in their order.
 */

import type { Histogram } from "../observability/metrics.ts";
import type { Job } from "./job.ts";
import { JobQueue } from "./queue.ts";
import { Refusals } from "./refusals.ts";
import type { PooledWorker, Slot } from "./slot.ts";

/** Options of a {@linkcode Dispatcher}. */
export interface DispatcherOptions {
  /** The name of the pool's model, if there are several models. */
  readonly model: string | undefined;
  /** The slots of the pool. */
  readonly slots: () => readonly Slot[];
  /** The most jobs that may wait for a worker; more are refused. */
  readonly queueSize: number;
  /** The longest time that a job waits for a worker, in ms. */
  readonly queueTimeoutMs: number;
  /** Takes the time that each job waited for a worker, in seconds. */
  readonly waited: Histogram;
}

/** Dispatches jobs to the workers of one pool, and keeps those that wait. */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #queue: JobQueue;
  readonly #refusals: Refusals;

  constructor(options: DispatcherOptions) {
    const { model, queueSize, queueTimeoutMs } = options;
    this.#options = options;
    this.#refusals = new Refusals(model, { full: queueSize, timeout: queueTimeoutMs / 1000 });
    this.#queue = new JobQueue(queueTimeoutMs, (job) => this.#refusals.add("timeout", job));
  }

  /** The number of jobs that wait for a worker. */
  get queued(): number {
    return this.#queue.size;
  }

  /** Dispatches a job, or puts it into the queue; refuses it if the queue is full. */
  add(job: Job): void {
    const worker = this.#queue.size === 0 ? this.#leastLoaded() : undefined;
    if (worker !== undefined) {
      this.#options.waited.observe(0);
      worker.dispatch(job);
    } else if (this.#queue.size >= this.#options.queueSize) {
      job.settle({ kind: "refused", cause: "full" });
      this.#refusals.add("full", job);
    } else {
      this.#queue.push(job);
    }
  }

  /** Takes jobs that a worker returned. They are in order. */
  putBack(orphans: readonly Job[]): void {
    if (orphans.length === 0) return;
    this.#queue.putBack(orphans);
    this.pump();
  }

  /** Dispatches waiting jobs to workers that have room. */
  pump(): void {
    while (this.#queue.size > 0) {
      const worker = this.#leastLoaded();
      if (worker === undefined) break;
      const job = this.#queue.take()!;
      const waited = performance.now() - job.acceptedAt;
      this.#options.waited.observe(waited / 1000);
      job.onDispatch?.(waited);
      worker.dispatch(job);
    }
  }

  /** Refuses all waiting jobs, since the pool stops. */
  refuseAll(): void {
    for (let job = this.#queue.take(); job !== undefined; job = this.#queue.take()) {
      job.settle({ kind: "refused", cause: "stopping" });
    }
  }

  /** Stops all timers, and refuses all waiting jobs. */
  stop(): void {
    this.#queue.stop();
    this.#refusals.stop();
    this.refuseAll();
  }

  #leastLoaded(): PooledWorker | undefined {
    let best: PooledWorker | undefined;
    for (const { worker } of this.#options.slots()) {
      if (worker.hasRoom && (best === undefined || worker.load < best.load)) best = worker;
    }
    return best;
  }
}
