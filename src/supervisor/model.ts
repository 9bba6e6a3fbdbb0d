/**
 * A model: a name, and the pool of workers that serves it.
 *
 * 1. What goes wrong with one model is its own affair: it has `failed`, and executes nothing; others are not touched.
 * 2. A model that has failed is opened again by a reload, and counts as failed until it is ready.
 */

import type { Metric } from "../observability/metrics.ts";
import type { Invocation, Outcome } from "./job.ts";
import type { Pool, PoolState } from "./pool.ts";

const NEVER = new AbortController().signal;

/** What a model is made of, once its files and its Python are there. */
export interface OpenModel extends Disposable {
  readonly createPool: () => Pool;
}

/** Where a model is from. */
export interface ModelSource {
  /** What routes and metrics call it: letters, digits and `._-`. */
  readonly name: string;
  /** What a message calls its files. */
  readonly label: string;
  /** Gets it ready to be loaded: unpacks, installs. Called again after a failure. */
  readonly open: (signal: AbortSignal) => Promise<OpenModel>;
}

/** What a model tells. */
export interface ModelEvents {
  readonly onReady: (model: Model) => void;
  readonly onFailed: (model: Model, error: unknown) => void;
}

/** As a pool has it, and `failed`. */
export type ModelState = PoolState | "failed";

/** @see the module's own comment */
export class Model {
  readonly #source: ModelSource;
  readonly #events: ModelEvents;
  readonly #stop = new AbortController();
  #open: OpenModel | undefined;
  #pool: Pool | undefined;
  #failed = false;
  /** The end of the opening, or of the last reload. */
  #loading: Promise<unknown> = Promise.resolve();

  constructor(source: ModelSource, events: ModelEvents) {
    this.#source = source;
    this.#events = events;
  }

  /** What routes and metrics call it. */
  get name(): string {
    return this.#source.name;
  }

  /** What a message calls its files. */
  get label(): string {
    return this.#source.label;
  }

  /** Where it stands. */
  get state(): ModelState {
    if (this.#stop.signal.aborted) return "stopping";
    return this.#failed ? "failed" : this.#pool?.state ?? "loading";
  }

  /** How many workers there should be; 0 until it is open. */
  get size(): number {
    return this.#pool?.size ?? 0;
  }

  /** How many of them can execute requests. */
  get readyWorkers(): number {
    return this.#pool?.readyWorkers ?? 0;
  }

  /** What its script says of its tensors, as JSON; undefined if it says nothing. */
  get signature(): unknown {
    return this.#pool?.signature;
  }

  /** Takes a request to its outcome. Never rejects. */
  invoke(invocation: Invocation): Promise<Outcome> {
    if (this.#failed) return Promise.resolve({ kind: "refused", cause: "failed" });
    return this.#pool?.invoke(invocation) ?? Promise.resolve({ kind: "refused", cause: "loading" });
  }

  /** Asks all workers what they take and have counted. */
  async askUsage(): Promise<void> {
    await this.#pool?.askUsage();
  }

  /** What is measured. */
  metrics(): Metric[] {
    return this.#pool?.metrics() ?? [];
  }

  /** Opens and loads it. */
  start(): void {
    this.#loading = this.#load();
  }

  /** Replaces its workers by new ones; opens it again if it has failed. Resolves when that has come to an end. */
  async reload(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    if (this.#failed) await (this.#loading = this.#loading.then(() => this.#load()));
    else await this.#pool?.reload();
  }

  /** Ends it: its workers answer what they have, and are ended by force when `signal` is aborted. */
  async stop(signal: AbortSignal): Promise<void> {
    this.#stop.abort();
    // Those of a pool that has failed may be ending already, in no hurry.
    const ending = this.#pool?.stop(signal);
    await Promise.all([this.#loading, ending]);
    this.#open?.[Symbol.dispose]();
  }

  async #load(): Promise<void> {
    try {
      this.#open?.[Symbol.dispose]();
      this.#open = undefined;
      this.#open = await this.#source.open(this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      const pool = this.#open.createPool();
      this.#pool = pool;
      pool.start();
      pool.failed.catch((error) => this.#fail(pool, error));
      void pool.ready.then(() => {
        this.#failed = false;
        this.#events.onReady(this);
      });
    } catch (error) {
      this.#fail(undefined, error);
    }
  }

  #fail(pool: Pool | undefined, error: unknown): void {
    if (this.#stop.signal.aborted) return;
    this.#failed = true;
    // What its workers have is answered.
    this.#loading = pool?.stop(NEVER) ?? Promise.resolve();
    this.#events.onFailed(this, error);
  }
}
