/**
 * A model: a name, and the pool of workers that serves it.
 *
 * 1. A failure of one model does not affect the others. The model is `failed`, and executes nothing.
 * 2. A reload opens a failed model again; it counts as failed until it is ready.
 * 3. A model has one pool. All reloads requested while it is being opened and loaded are combined into one.
 */

import { getLogger } from "@logtape/logtape";
import { messageOf } from "../errors.ts";
import type { Metric } from "../observability/metrics.ts";
import type { Invocation, Outcome } from "./job.ts";
import type { ModelFacts } from "./model_facts.ts";
import type { Pool, PoolNow, PoolState } from "./pool.ts";
import type { ReloadResult } from "./rollover.ts";
import type { ModelFiles, ServedModel } from "./served_model.ts";

const log = getLogger(["aimodellib", "supervisor"]);

/** How long a model may load while a reload waits, in ms. After that we assume that it hangs, and load it again. */
const PATIENCE_MS = 60_000;

/** Creates the pool of an open model's workers. */
export type CreatePool = (files: ModelFiles, name: string) => Pool;

const STOPPED: ReloadResult = { reloaded: false, cause: "the server is stopping" };

/** Callbacks through which a model reports that it is ready or has failed. */
export interface ModelEvents {
  readonly onReady: (model: Model) => void;
  readonly onFailed: (model: Model, error: unknown) => void;
}

/** The state of a model: that of its pool, or `failed`. */
export type ModelState = PoolState | "failed";

/** A named model with its pool, from its opening to its end. */
export class Model {
  readonly #served: ServedModel;
  readonly #createPool: CreatePool;
  readonly #events: ModelEvents;
  readonly #stop = new AbortController();
  #files: ModelFiles | undefined;
  /** The last pool; if the model has failed, it is stopped or stopping. */
  #pool: Pool | undefined;
  #failed = false;
  /** Why the last opening ended without a ready model, as part of a sentence. */
  #failure = "";
  /** The number of reloads that have not ended. */
  #reloads = 0;
  /** Resolves when the previous pool has stopped. */
  #poolEnded: Promise<unknown> = Promise.resolve();
  /** Resolves when the last opening has ended: the model is ready, has failed, or was given up. */
  #loading: Promise<void> = Promise.resolve();
  /** The loading pool: when it started, in ms of `performance.now()`, and a function that gives it up. */
  #attempt: { readonly since: number; readonly giveUp: () => void } | undefined;
  /** The reload that waits for the end of the loading. */
  #nextReload: Promise<ReloadResult> | undefined;
  #patience: ReturnType<typeof setTimeout> | undefined;

  constructor(served: ServedModel, createPool: CreatePool, events: ModelEvents) {
    this.#served = served;
    this.#createPool = createPool;
    this.#events = events;
  }

  /** The name in routes and metrics. */
  get name(): string {
    return this.#served.name;
  }

  /** The current state of the model. */
  get state(): ModelState {
    if (this.#stop.signal.aborted) return "stopping";
    return this.#failed ? "failed" : this.#pool?.state ?? "loading";
  }

  /** The configured number of workers; 0 until the model is open. */
  get size(): number {
    return this.#pool?.size ?? 0;
  }

  /** The number of workers that can execute requests. */
  get readyWorkers(): number {
    return this.#pool?.readyWorkers ?? 0;
  }

  /** Facts for clients; undefined until the model is open. */
  get facts(): ModelFacts | undefined {
    return this.#files?.facts();
  }

  /** The absolute path of the module's folder, which is not for clients; undefined until the model is open. */
  get module(): string | undefined {
    return this.#files?.module;
  }

  /** The absolute paths of the model's files, which are not for every client; undefined until the model is open. */
  get paths(): Pick<ModelFiles, "module" | "modelDir" | "python"> | undefined {
    return this.#files;
  }

  /** Why the last opening failed, as part of a sentence; empty if it did not. */
  get failure(): string {
    return this.#failure;
  }

  /** The script's description of its tensors, as JSON; undefined if it has none. */
  get signature(): unknown {
    return this.#pool?.signature;
  }

  /** The parts of OpenAI's API that the script offers, such as `embeddings`; undefined until a worker was ready. */
  get openAi(): readonly string[] | undefined {
    return this.#pool?.openAi;
  }

  /** The number of requests that a worker takes at once; undefined if it executes one after the other, or none was ready. */
  get window(): number | undefined {
    return this.#pool?.window;
  }

  /** Executes a request and resolves with its outcome. Never rejects. */
  invoke(invocation: Invocation): Promise<Outcome> {
    if (this.#failed) return Promise.resolve({ kind: "refused", cause: "failed" });
    return this.#pool?.invoke(invocation) ?? Promise.resolve({ kind: "refused", cause: "loading" });
  }

  /** Whether a reload is being carried out, or waits for the model to be loaded. */
  get reloading(): boolean {
    return this.#reloads > 0;
  }

  /** Asks all workers for fresh usage. */
  async askUsage(): Promise<void> {
    await this.#pool?.askUsage();
  }

  /** What the model's pool has counted, and its workers now; undefined until the model is open. */
  get figures(): PoolNow | undefined {
    return this.#pool?.figures;
  }

  /** The metrics that the script has of its own. */
  scriptMetrics(): Metric[] {
    return this.#pool?.scriptMetrics() ?? [];
  }

  /** The metrics of the model's pool. */
  metrics(): Metric[] {
    return this.#pool?.metrics() ?? [];
  }

  /** Opens and loads the model. */
  start(): void {
    this.#loading = this.#load();
  }

  /**
   * Replaces the model's workers by new ones, or opens the model again if it has failed. If it is being opened, or loaded for the first
   * time, the reload follows afterwards. Resolves when the reload has ended. Never rejects.
   */
  async reload(): Promise<ReloadResult> {
    this.#reloads++;
    try {
      return await this.#reload();
    } finally {
      this.#reloads--;
    }
  }

  #reload(): Promise<ReloadResult> {
    if (this.#stop.signal.aborted) return Promise.resolve(STOPPED);
    if (this.#isOpen) return this.#pool!.reload();
    if (this.#nextReload === undefined) {
      this.#nextReload = this.#reloadNext();
      this.#limitLoading();
    }
    return this.#nextReload;
  }

  /** Stops the model: its workers answer their jobs first, and are killed when `signal` is aborted. */
  async stop(signal: AbortSignal): Promise<void> {
    this.#stop.abort();
    this.#attempt?.giveUp();
    // The workers of a failed pool may be stopping already, with a longer limit than `signal`.
    const ending = this.#pool?.stop(signal);
    await Promise.all([this.#loading, this.#nextReload, ending]);
    await this.#poolEnded;
    this.#files?.[Symbol.dispose]?.();
  }

  /** Whether the model was ready, and has not failed since. */
  get #isOpen(): boolean {
    return !this.#failed && this.#pool !== undefined && this.#pool.state !== "loading";
  }

  async #reloadNext(): Promise<ReloadResult> {
    await this.#loading;
    this.#nextReload = undefined;
    if (this.#isOpen) return await this.#reload();
    if (this.#stop.signal.aborted) return STOPPED;
    await (this.#loading = this.#load());
    return this.#isOpen ? { reloaded: true } : { reloaded: false, cause: this.#failure };
  }

  /** Limits the loading time of a pool while a reload waits for it. */
  #limitLoading(): void {
    if (this.#attempt === undefined || this.#nextReload === undefined) return;
    const { since, giveUp } = this.#attempt;
    this.#patience = setTimeout(giveUp, Math.max(0, since + PATIENCE_MS - performance.now()));
  }

  async #load(): Promise<void> {
    try {
      await this.#poolEnded;
      this.#files?.[Symbol.dispose]?.();
      this.#files = undefined;
      this.#files = await this.#served.open(this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      await this.#start(this.#createPool(this.#files, this.name));
    } catch (error) {
      this.#fail(error);
    }
  }

  /** @throws the error of the pool, if it fails before it is ready */
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
      log.warn("Loading the model '{model}' again: it was not ready within {seconds} s, and a reload waits", {
        model: this.name,
        seconds: PATIENCE_MS / 1000,
      });
      this.#failure = `it was not ready within ${PATIENCE_MS / 1000} s, and another reload waited`;
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
    this.#failure = messageOf(error);
    // stop() lets the workers answer the jobs that they have.
    if (this.#pool !== undefined) this.#poolEnded = this.#pool.stop();
    this.#events.onFailed(this, error);
  }
}
