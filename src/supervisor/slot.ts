/**
 * Keeps one worker running.
 *
 * 1. When its worker dies, another is started after a pause that grows.
 * 2. A worker is replaced without a gap: its successor loads beside it, takes over when it is ready, and the old one ends
 *    when it has answered what it has. A successor that can't load changes nothing.
 * 3. There are never more than a worker, its successor, and old ones that finish their answers.
 */

import { Backoff } from "../backoff.ts";
import type { Job } from "./job.ts";
import type { Worker } from "./worker.ts";
import type { Death, WorkerEvents } from "./worker_events.ts";

/** What a slot needs of a worker. */
export type PooledWorker = Pick<
  Worker,
  "pid" | "ready" | "dead" | "load" | "hasRoom" | "run" | "dispatch" | "stop" | "usage" | "askUsage" | "signature"
>;

/** What a slot tells its pool. */
export interface SlotEvents {
  /** Its worker is ready. */
  readonly onReady: (slot: Slot) => void;
  /** Its worker has room for another job. */
  readonly onRoom: () => void;
  readonly onUsage: WorkerEvents["onUsage"];
  /** Its worker was replaced by another. */
  readonly onReplaced: () => void;
  /** Its worker should be replaced, for a reason to be shown. */
  readonly onWorn: (slot: Slot, reason: string) => void;
  /** A worker of it never began these jobs, and has died, or is held up. */
  readonly onOrphans: (orphans: readonly Job[]) => void;
  /** One of its workers died that should have gone on, or finished what it had. Returns whether others may be started. */
  readonly onDeath: (slot: Slot, death: Death) => boolean;
  /** What follows a death, when others may be started. */
  readonly onAftermath: (slot: Slot, death: Death, aftermath: Aftermath) => void;
  /** One of its workers has died, for whatever reason. */
  readonly onEnd: () => void;
}

/** What follows the death of a worker. */
export type Aftermath =
  /** Another is started in its place after a pause, in ms. */
  | { readonly kind: "restart"; readonly pauseMs: number }
  /** Its successor is loading already. */
  | { readonly kind: "successor" }
  /** Nothing: its successor had taken over before. */
  | { readonly kind: "replaced" }
  /** Nothing: all are being ended. */
  | { readonly kind: "stopping" };

/** How a slot is made. */
export interface SlotOptions {
  readonly index: number;
  readonly createWorker: (index: number, events: WorkerEvents) => PooledWorker;
  readonly backoff: Backoff;
  /** For a worker that was replaced to answer what it has, in ms. */
  readonly drainTimeoutMs: number;
  readonly events: SlotEvents;
}

interface Replacement {
  readonly worker: PooledWorker;
  /** Called with undefined when it took over, or with why it could not. */
  readonly done: (failure: Death | undefined) => void;
}

/** A place for one worker. */
export class Slot {
  readonly index: number;
  readonly #options: SlotOptions;
  #worker: PooledWorker;
  #replacement: Replacement | undefined;
  readonly #retired = new Set<PooledWorker>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopping = false;

  /** Makes it, and its first worker, which {@linkcode start} runs. */
  constructor(options: SlotOptions) {
    this.index = options.index;
    this.#options = options;
    this.#worker = this.#create();
  }

  /** The worker that jobs go to. */
  get worker(): PooledWorker {
    return this.#worker;
  }

  /** Whether none of its workers is alive. */
  get dead(): boolean {
    return this.#worker.dead && (this.#replacement?.worker.dead ?? true) && this.#retired.size === 0;
  }

  /** Runs the first worker. */
  start(): void {
    this.#worker.run();
  }

  /** Starts a successor; resolves when it has taken over, or with how it died before. To be called when there is none. */
  replace(): Promise<Death | undefined> {
    return new Promise((done) => {
      clearTimeout(this.#timer);
      this.#replacement = { worker: this.#create(), done };
      this.#replacement.worker.run();
    });
  }

  /** Ends a successor that has not taken over, by force; {@linkcode replace} resolves with that as its death. */
  giveUpSuccessor(cause: string): void {
    const replacement = this.#replacement;
    if (replacement === undefined) return;
    this.#replacement = { ...replacement, done: (death) => replacement.done(death && { ...death, cause }) };
    replacement.worker.stop(AbortSignal.abort());
  }

  /** Ends all its workers: each answers what it has, and is ended by force when `signal` is aborted. */
  stop(signal: AbortSignal): void {
    this.#stopping = true;
    clearTimeout(this.#timer);
    this.#worker.stop(signal);
    this.#replacement?.worker.stop(signal);
    for (const worker of this.#retired) worker.stop(signal);
  }

  #create(): PooledWorker {
    const { createWorker, events, index } = this.#options;
    const worker: PooledWorker = createWorker(index, {
      onReady: () => this.#onReady(worker),
      onRoom: events.onRoom,
      onUsage: events.onUsage,
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
      // Its predecessor may have died meanwhile, and waited for it.
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
    // Nothing is wrong with a worker that a request was too much for.
    const pauseMs = death.overran ? 0 : backoff.next(death.readyMs);
    events.onAftermath(this, death, { kind: "restart", pauseMs });
    this.#timer = setTimeout(() => {
      this.#worker = this.#create();
      this.#worker.run();
    }, pauseMs);
  }
}
