/**
 * Replaces the workers of a pool by new ones: those that are worn, and all of them for a reload.
 *
 * 1. Workers are replaced one after the other, so that a pool has one more at most.
 * 2. A worker whose successor can't load goes on.
 * 3. However many reloads are asked for during one, one more follows it.
 */

import { getLogger } from "@logtape/logtape";
import { workerName } from "./death_log.ts";
import type { PooledWorker, Slot } from "./slot.ts";
import type { Death } from "./worker_events.ts";

const log = getLogger(["aimodellib", "supervisor"]);

/** How long a worker whose successor could not load goes on before another one is tried, in ms. */
const RETRY_WORN_MS = 30_000;

/**
 * How long a successor may load while another reload waits behind it, in ms: this, or so many times what the last worker took to
 * load. A successor that takes longer hangs, and would keep the code that mends it from being loaded.
 */
const PATIENCE_MS = 60_000;
const PATIENCE_FACTOR = 3;

/** What a rollover is about. */
export interface RolloverOptions {
  /** The model that the pool serves, if there are others. */
  readonly model: string | undefined;
  /** The pool's slots, in their order. */
  readonly slots: () => readonly Slot[];
  /** Whether the pool is being stopped, so that nothing is replaced any more. */
  readonly isStopping: () => boolean;
}

/** Replaces the workers of one pool. */
export class Rollover {
  readonly #options: RolloverOptions;
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

  constructor(options: RolloverOptions) {
    this.#options = options;
  }

  /**
   * Replaces all workers by new ones, which load the script anew. If the first of them can't, the old ones stay.
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

  /** Replaces a worker when its turn has come. @param reason is shown in the log */
  onWorn(slot: Slot, reason: string): void {
    const { worker } = slot;
    if (this.#worn.has(worker)) return;
    this.#worn.add(worker);
    this.#replacing = this.#replacing.then(() => this.#replace(slot, worker, reason));
  }

  /** Ends all timers. */
  stop(): void {
    clearTimeout(this.#retry);
    clearTimeout(this.#patience);
  }

  async #replace(slot: Slot, worker: PooledWorker, reason: string): Promise<void> {
    const { model, isStopping } = this.#options;
    // It may have died, or been replaced, while it waited for its turn.
    if (slot.worker === worker && !worker.dead && !isStopping()) {
      const name = workerName(slot.index, model);
      log.info("Worker {worker} is replaced: {reason}", { worker: name, reason });
      const failure = await this.#succeed(slot);
      if (failure !== undefined && !isStopping()) {
        log.error("Worker {worker} can't be replaced ({cause}), and goes on", { worker: name, cause: failure.cause });
        // It says so with each of its answers.
        this.#retry = setTimeout(() => this.#worn.delete(worker), RETRY_WORN_MS);
        return;
      }
    }
    this.#worn.delete(worker);
  }

  async #reload(): Promise<boolean> {
    const { model, slots, isStopping } = this.#options;
    const what = this.#ofModel;
    log.info(`Reloading${what}: workers are replaced one after the other`, { model });
    for (const slot of slots()) {
      if (isStopping()) return false;
      const failure = await this.#succeed(slot);
      if (failure === undefined) continue;
      if (!isStopping()) {
        log.error(`Reloading${what} failed ({cause}); the old workers go on`, { model, cause: failure.cause });
      }
      return false;
    }
    log.info(`Reloaded${what}`, { model });
    return true;
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
}
