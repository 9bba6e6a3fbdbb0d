/**
 * Keeps one worker running.
 *
 * 1. When the worker dies, the slot starts another after a growing pause.
 * 2. A worker is replaced without a gap: its successor loads beside it and takes over when it is ready, and the old worker ends
 *    after it has answered its jobs. If the successor can't load, nothing changes.
 * 3. A slot has at most a worker, its successor, and old workers that finish their jobs.
 */

import { Backoff } from "../backoff.ts";
import type { Job } from "./job.ts";
import type { Worker } from "./worker.ts";
import type { Death, WorkerEvents } from "./worker_events.ts";

/** A worker, as far as a slot and its pool use it. */
export type PooledWorker = Pick<
  Worker,
  | "pid"
  | "ready"
  | "dead"
  | "load"
  | "hasRoom"
  | "run"
  | "dispatch"
  | "stop"
  | "usage"
  | "askUsage"
  | "gauges"
  | "signature"
  | "openAi"
  | "window"
>;

/** Callbacks through which a slot reports to its pool. */
export interface SlotEvents {
  /** The worker of the slot is ready. */
  readonly onReady: (slot: Slot) => void;
  /** The worker of the slot has room for another job. */
  readonly onRoom: () => void;
  readonly onUsage: WorkerEvents["onUsage"];
  readonly onScriptMetrics: WorkerEvents["onScriptMetrics"];
  /** A successor has taken over from the worker of the slot. */
  readonly onReplaced: () => void;
  /** The worker of the slot should be replaced; `reason` is for the log. */
  readonly onWorn: (slot: Slot, reason: string) => void;
  /** A worker of the slot died, or is held up, and never began these jobs. */
  readonly onOrphans: (orphans: readonly Job[]) => void;
  /** A worker of the slot died unexpectedly. @returns whether others may be started */
  readonly onDeath: (slot: Slot, death: Death) => boolean;
  /** Reports what follows an unexpected death, if others may be started. */
  readonly onAftermath: (slot: Slot, death: Death, aftermath: Aftermath) => void;
  /** A worker of the slot has ended, for any reason. */
  readonly onEnd: () => void;
}

/** What follows the death of a worker. */
export type Aftermath =
  /** Another worker starts in its place after a pause, in ms. */
  | { readonly kind: "restart"; readonly pauseMs: number }
  /** A successor is loading already. */
  | { readonly kind: "successor" }
  /** Nothing follows: a successor had taken over before. */
  | { readonly kind: "replaced" }
  /** Nothing follows: the pool is stopping. */
  | { readonly kind: "stopping" };

/** Options of a {@linkcode Slot}. */
export interface SlotOptions {
  readonly index: number;
  readonly createWorker: (index: number, events: WorkerEvents) => PooledWorker;
  readonly backoff: Backoff;
  /** How long a replaced worker may take to answer its jobs, in ms. */
  readonly drainTimeoutMs: number;
  readonly events: SlotEvents;
}

interface Replacement {
  readonly worker: PooledWorker;
  /** Called with undefined when the successor has taken over, or with its death. */
  readonly done: (failure: Death | undefined) => void;
}

/** A place for one worker, which is restarted and replaced as needed. */
export class Slot {
  readonly index: number;
  readonly #options: SlotOptions;
  #worker: PooledWorker;
  #replacement: Replacement | undefined;
  readonly #retired = new Set<PooledWorker>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopping = false;
  #starts = 0;
  #loadMs: number | undefined;

  /** Creates the first worker, which {@linkcode start} runs. */
  constructor(options: SlotOptions) {
    this.index = options.index;
    this.#options = options;
    this.#worker = this.#create();
  }

  /** The current worker, to which jobs go. */
  get worker(): PooledWorker {
    return this.#worker;
  }

  /** How many workers of the slot have become ready. */
  get starts(): number {
    return this.#starts;
  }

  /** How long the current worker took from its start until it was ready, or the one before if it is not ready yet, in ms. */
  get loadMs(): number | undefined {
    return this.#loadMs;
  }

  /** Whether all workers of the slot are dead. */
  get dead(): boolean {
    return this.#worker.dead && (this.#replacement?.worker.dead ?? true) && this.#retired.size === 0;
  }

  /** Runs the first worker. */
  start(): void {
    this.#worker.run();
  }

  /** Starts a successor. Resolves with undefined when it takes over, or with its death. Call it only if there is no other successor. */
  replace(): Promise<Death | undefined> {
    return new Promise((done) => {
      clearTimeout(this.#timer);
      this.#replacement = { worker: this.#create(), done };
      this.#replacement.worker.run();
    });
  }

  /** Kills a successor that has not taken over; {@linkcode replace} then resolves with its death. */
  giveUpSuccessor(cause: string): void {
    const replacement = this.#replacement;
    if (replacement === undefined) return;
    this.#replacement = { ...replacement, done: (death) => replacement.done(death && { ...death, cause }) };
    replacement.worker.stop(AbortSignal.abort());
  }

  /** Stops all workers of the slot: each answers its jobs first, and is killed when `signal` is aborted. */
  stop(signal: AbortSignal): void {
    this.#stopping = true;
    clearTimeout(this.#timer);
    this.#worker.stop(signal);
    this.#replacement?.worker.stop(signal);
    for (const worker of this.#retired) worker.stop(signal);
  }

  #create(): PooledWorker {
    const { createWorker, events, index } = this.#options;
    const since = performance.now();
    const worker: PooledWorker = createWorker(index, {
      onReady: () => {
        this.#starts++;
        this.#loadMs = performance.now() - since;
        this.#onReady(worker);
      },
      onRoom: events.onRoom,
      onUsage: events.onUsage,
      onScriptMetrics: events.onScriptMetrics,
      onTakenBack: events.onOrphans,
      onWorn: (reason) => {
        if (worker === this.#worker && !this.#stopping) events.onWorn(this, reason);
      },
      onDead: (death, orphans) => this.#onDead(worker, death, orphans),
    });
    return worker;
  }

  #onReady(worker: PooledWorker): void {
    if (worker === this.#replacement?.worker) {
      const { done } = this.#replacement;
      this.#replacement = undefined;
      const old = this.#worker;
      this.#worker = worker;
      if (!old.dead) {
        this.#retired.add(old);
        old.stop(AbortSignal.timeout(this.#options.drainTimeoutMs));
      }
      this.#options.events.onReplaced();
      done(undefined);
    }
    this.#options.events.onReady(this);
  }

  #onDead(worker: PooledWorker, death: Death, orphans: readonly Job[]): void {
    const { events } = this.#options;
    const replacement = this.#replacement;
    const wasReplaced = this.#retired.delete(worker);
    events.onOrphans(orphans);
    if (wasReplaced) {
      if (!death.stopped) this.#report(death, { kind: "replaced" });
    } else if (worker === replacement?.worker) {
      this.#replacement = undefined;
      replacement.done(death);
      // The predecessor may have died meanwhile, with its restart left to this successor.
      if (this.#worker.dead) this.#restart(death);
    } else if (replacement !== undefined) {
      if (!death.stopped) this.#report(death, { kind: "successor" });
    } else {
      this.#restart(death);
    }
    events.onEnd();
  }

  #report(death: Death, aftermath: Aftermath): void {
    const { events } = this.#options;
    if (events.onDeath(this, death)) events.onAftermath(this, death, aftermath);
  }

  #restart(death: Death): void {
    const { events, backoff } = this.#options;
    if (this.#stopping) {
      if (!death.stopped) this.#report(death, { kind: "stopping" });
      return;
    }
    if (!events.onDeath(this, death)) return;
    // The request was too slow, not the worker broken, so no pause is needed.
    const pauseMs = death.overran ? 0 : backoff.next(death.readyMs);
    events.onAftermath(this, death, { kind: "restart", pauseMs });
    this.#timer = setTimeout(() => {
      this.#worker = this.#create();
      this.#worker.run();
    }, pauseMs);
  }
}
