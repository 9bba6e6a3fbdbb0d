/**
 * Replaces workers of a pool by new ones: a worn worker, or all of them for a reload.
 *
 * 1. It replaces one worker at a time: the pool has at most one extra worker.
 * 2. A worker whose successor can't load stays in service.
 * 3. All reloads requested while one is running are combined into one more.
 */

import { getLogger } from "@logtape/logtape";
import { workerName } from "./death_log.ts";
import type { PooledWorker, Slot } from "./slot.ts";
import type { Death } from "./worker_events.ts";

const log = getLogger(["aimodellib", "supervisor"]);

/** Pause before the next attempt to replace a worn worker whose successor could not load, in ms. */
const RETRY_WORN_MS = 30_000;

/**
 * How long a successor may load while another reload waits: PATIENCE_MS, or PATIENCE_FACTOR times the loading time of the last worker.
 * A successor that takes longer probably hangs, and would block the reload that brings the corrected code.
 */
const PATIENCE_MS = 60_000;
const PATIENCE_FACTOR = 3;

/** How a reload ended: all workers were replaced, or a new one could not take over, and `cause` says why as part of a sentence. */
export type ReloadResult = { readonly reloaded: true } | { readonly reloaded: false; readonly cause: string };

/** Options of a {@linkcode Rollover}. */
export interface RolloverOptions {
  /** The name of the pool's model, if there are several models. */
  readonly model: string | undefined;
  /** The slots of the pool, in order. */
  readonly slots: () => readonly Slot[];
  /** Whether the pool is stopping, and no worker is to be replaced. */
  readonly isStopping: () => boolean;
}

const STOPPED: ReloadResult = { reloaded: false, cause: "the server is stopping" };

/** Replaces the workers of one pool. */
export class Rollover {
  readonly #options: RolloverOptions;
  /** Worn workers that wait for their replacement. */
  readonly #worn = new Set<PooledWorker>();
  #retry: ReturnType<typeof setTimeout> | undefined;
  /** Resolves when all requested replacements have ended. */
  #replacing: Promise<unknown> = Promise.resolve();
  /** The reload that waits to begin. */
  #nextReload: Promise<ReloadResult> | undefined;
  /** The loading successor, and when it started, in ms of `performance.now()`. */
  #successor: { readonly slot: Slot; readonly since: number } | undefined;
  #patience: ReturnType<typeof setTimeout> | undefined;
  /** The loading time of the last successor, in ms. */
  #loadMs = 0;

  constructor(options: RolloverOptions) {
    this.#options = options;
  }

  /**
   * Replaces all workers by new ones, which load the script again. If the first new one can't load it, the old ones stay.
   */
  reload(): Promise<ReloadResult> {
    if (this.#nextReload === undefined) {
      if (this.#successor !== undefined) log.info(`Another reload${this.#ofModel} follows the current one`);
      this.#nextReload = this.#replacing.then(() => {
        this.#nextReload = undefined;
        return this.#reload();
      });
      this.#replacing = this.#nextReload;
      this.#limitSuccessor();
    }
    return this.#nextReload;
  }

  /** Replaces a worn worker when its turn comes. @param reason shown in the log */
  onWorn(slot: Slot, reason: string): void {
    const { worker } = slot;
    if (this.#worn.has(worker)) return;
    this.#worn.add(worker);
    this.#replacing = this.#replacing.then(() => this.#replace(slot, worker, reason));
  }

  /** Stops all timers. */
  stop(): void {
    clearTimeout(this.#retry);
    clearTimeout(this.#patience);
  }

  async #replace(slot: Slot, worker: PooledWorker, reason: string): Promise<void> {
    const { model, isStopping } = this.#options;
    // The worker may have died, or been replaced, while it waited for its turn.
    if (slot.worker === worker && !worker.dead && !isStopping()) {
      const name = workerName(slot.index, model);
      log.info("Replacing worker {worker}: {reason}", { worker: name, reason });
      const failure = await this.#succeed(slot);
      if (failure !== undefined && !isStopping()) {
        log.error("Worker {worker} can't be replaced ({cause}); it stays in service", {
          worker: name,
          cause: failure.cause,
        });
        // The worker reports that it is worn with each answer, so the next report after this pause tries again.
        this.#retry = setTimeout(() => this.#worn.delete(worker), RETRY_WORN_MS);
        return;
      }
    }
    this.#worn.delete(worker);
  }

  async #reload(): Promise<ReloadResult> {
    const { model, slots, isStopping } = this.#options;
    const what = this.#ofModel;
    log.info(`Reloading${what}: workers are replaced one after the other`, { model });
    for (const slot of slots()) {
      if (isStopping()) return STOPPED;
      const failure = await this.#succeed(slot);
      if (failure === undefined) continue;
      if (!isStopping()) {
        log.error(`Reloading${what} failed ({cause}); the old workers stay in service`, {
          model,
          cause: failure.cause,
        });
      }
      return isStopping() ? STOPPED : { reloaded: false, cause: failure.cause };
    }
    log.info(`Reloaded${what}`, { model });
    return { reloaded: true };
  }

  /** Replaces the worker of a slot. @returns the death of its successor, if that could not take over */
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

  /** Limits the loading time of a successor while a reload waits for it. */
  #limitSuccessor(): void {
    if (this.#successor === undefined || this.#nextReload === undefined) return;
    const { slot, since } = this.#successor;
    const limitMs = Math.max(PATIENCE_MS, PATIENCE_FACTOR * this.#loadMs);
    this.#patience = setTimeout(
      () => slot.giveUpSuccessor(`it was not ready within ${limitMs / 1000} s, and another reload waits`),
      Math.max(0, since + limitMs - performance.now()),
    );
  }

  /** A suffix with the model's name for log messages; empty if there is only one model. */
  get #ofModel(): string {
    const { model } = this.#options;
    return model === undefined ? "" : ` '${model}'`;
  }
}
