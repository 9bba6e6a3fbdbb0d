/**
 * A model: a name, and the pool of workers that serves it.
 *
 * 1. What goes wrong with one model is its own affair: it has `failed`, and executes nothing; others are not touched.
 * 2. A model that has failed is opened again by a reload, and counts as failed until it is ready.
 * 3. It has one pool. However many reloads are asked for while it is being opened and loaded, one follows.
 */

import { getLogger } from "@logtape/logtape";
import type { Metric } from "../observability/metrics.ts";
import type { Invocation, Outcome } from "./job.ts";
import type { ModelFacts } from "./model_facts.ts";
import type { Pool, PoolState } from "./pool.ts";

const log = getLogger(["aimodellib", "supervisor"]);

/** How long a model may take to load while a reload waits for it, in ms. Longer than that it hangs, and is loaded anew. */
const PATIENCE_MS = 60_000;

/** What a model is made of, once its files and its Python are there. */
export interface OpenModel extends Disposable {
  /** What may be told of it now. */
  readonly facts: () => ModelFacts;
  readonly createPool: () => Pool;
}

/** Where a model is from. */
export interface ModelSource {
  /** What routes and metrics call it: letters, digits and `._-`. */
  readonly name: string;
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

/** A model under its name, from its opening to its end. */
export class Model {
  readonly #source: ModelSource;
  readonly #events: ModelEvents;
  readonly #stop = new AbortController();
  #open: OpenModel | undefined;
  /** The last that was made; it has come to its end, or is coming to it, if the model has failed. */
  #pool: Pool | undefined;
  #failed = false;
  /** Resolves when the pool before has come to its end. */
  #poolEnded: Promise<unknown> = Promise.resolve();
  /** Resolves when the opening that was begun last has led to a model that is ready, or has failed; or that is given up. */
  #loading: Promise<void> = Promise.resolve();
  /** The pool that is loading: since when, in ms of `performance.now()`, and what gives it up. */
  #attempt: { readonly since: number; readonly giveUp: () => void } | undefined;
  /** The reload that waits for that. */
  #nextReload: Promise<void> | undefined;
  #patience: ReturnType<typeof setTimeout> | undefined;

  constructor(source: ModelSource, events: ModelEvents) {
    this.#source = source;
    this.#events = events;
  }

  /** What routes and metrics call it. */
  get name(): string {
    return this.#source.name;
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

  /** What may be told of it; undefined until it is open. */
  get facts(): ModelFacts | undefined {
    return this.#open?.facts();
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

  /**
   * Replaces its workers by new ones; opens it again if it has failed. One that is being opened, or loaded for the first time, is
   * reloaded when that has come to an end. Resolves when the reload has.
   */
  reload(): Promise<void> {
    if (this.#stop.signal.aborted) return Promise.resolve();
    if (this.#isOpen) return this.#pool!.reload().then(() => {});
    if (this.#nextReload === undefined) {
      this.#nextReload = this.#reloadNext();
      this.#limitLoading();
    }
    return this.#nextReload;
  }

  /** Ends it: its workers answer what they have, and are ended by force when `signal` is aborted. */
  async stop(signal: AbortSignal): Promise<void> {
    this.#stop.abort();
    this.#attempt?.giveUp();
    // Those of a pool that has failed may be ending already, in no hurry.
    const ending = this.#pool?.stop(signal);
    await Promise.all([this.#loading, this.#nextReload, ending]);
    await this.#poolEnded;
    this.#open?.[Symbol.dispose]();
  }

  /** Whether it was ready, and has not failed since. */
  get #isOpen(): boolean {
    return !this.#failed && this.#pool !== undefined && this.#pool.state !== "loading";
  }

  async #reloadNext(): Promise<void> {
    await this.#loading;
    this.#nextReload = undefined;
    if (this.#isOpen) return await this.reload();
    if (!this.#stop.signal.aborted) await (this.#loading = this.#load());
  }

  /** Gives up a pool that keeps a reload waiting when it hangs. */
  #limitLoading(): void {
    if (this.#attempt === undefined || this.#nextReload === undefined) return;
    const { since, giveUp } = this.#attempt;
    this.#patience = setTimeout(giveUp, Math.max(0, since + PATIENCE_MS - performance.now()));
  }

  async #load(): Promise<void> {
    try {
      await this.#poolEnded;
      this.#open?.[Symbol.dispose]();
      this.#open = undefined;
      this.#open = await this.#source.open(this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      await this.#start(this.#open.createPool());
    } catch (error) {
      this.#fail(error);
    }
  }

  /** @throws what it failed with, if it was never ready */
  async #start(pool: Pool): Promise<void> {
    this.#pool = pool;
    const givenUp = Promise.withResolvers<"given up">();
    this.#attempt = { since: performance.now(), giveUp: () => givenUp.resolve("given up") };
    this.#limitLoading();
    pool.start();
    let state: "given up" | void;
    try {
      state = await Promise.race([pool.ready, pool.failed, givenUp.promise]);
    } finally {
      this.#attempt = undefined;
      clearTimeout(this.#patience);
    }
    if (this.#stop.signal.aborted) return;
    if (state === "given up") {
      log.warn("The model '{model}' is loaded anew: it was not ready within {seconds} s, and a reload waits", {
        model: this.name,
        seconds: PATIENCE_MS / 1000,
      });
      this.#pool = undefined;
      this.#poolEnded = pool.stop(AbortSignal.abort());
      return;
    }
    this.#failed = false;
    this.#events.onReady(this);
    pool.failed.catch((error) => this.#fail(error));
  }

  #fail(error: unknown): void {
    if (this.#stop.signal.aborted) return;
    this.#failed = true;
    // What its workers have is answered.
    if (this.#pool !== undefined) this.#poolEnded = this.#pool.stop();
    this.#events.onFailed(this, error);
  }
}
