/**
 * The models that one process serves.
 *
 * They are ready when each model is ready or has failed: a bad model does not keep a load balancer from the others. The run fails
 * when all models have failed.
 */

import { getLogger } from "@logtape/logtape";
import { messageOf } from "../errors.ts";
import { type CreatePool, Model, type ModelState } from "./model.ts";
import type { ReloadResult } from "./rollover.ts";
import type { ServedModel } from "./served_model.ts";

const log = getLogger(["aimodellib", "supervisor"]);

/** The models that this process serves, and their state as a whole. */
export class Models {
  readonly all: readonly Model[];
  readonly #failed = Promise.withResolvers<never>();
  /** The error of the first model that failed. */
  #firstFailure: { readonly error: unknown } | undefined;

  /**
   * @param onReady called with a model each time that it becomes ready after it was opened
   * @param onFailed called when a model has failed
   */
  constructor(
    models: readonly ServedModel[],
    createPool: CreatePool,
    onReady: (model: Model) => void,
    onFailed: () => void = () => {},
  ) {
    const events = {
      onReady,
      onFailed: (model: Model, error: unknown) => {
        this.#onFailed(model, error);
        onFailed();
      },
    };
    this.all = models.map((model) => new Model(model, createPool, events));
    this.#failed.promise.catch(() => {});
  }

  /** Rejects when all models have failed, with the error of the first; never resolves. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /** The model with this name, or undefined. */
  get(name: string): Model | undefined {
    return this.all.find((model) => model.name === name);
  }

  /** The state of all models together: that of a single model, or, of several, `degraded` if some are not ready. */
  get state(): ModelState {
    return stateOf(this.all.map(({ state }) => state));
  }

  /** Opens and loads all models. */
  start(): void {
    for (const model of this.all) model.start();
  }

  /** Whether a model is being reloaded. */
  get reloading(): boolean {
    return this.all.some(({ reloading }) => reloading);
  }

  /** Replaces the workers of all models by new ones, all models at the same time. Returns how that ended for each of them. Never rejects. */
  async reload(): Promise<readonly (ReloadResult & { readonly name: string })[]> {
    return await Promise.all(this.all.map(async (model) => ({ name: model.name, ...await model.reload() })));
  }

  /** Stops all models; workers that still run when `signal` is aborted are killed. */
  async stop(signal: AbortSignal): Promise<void> {
    await Promise.all(this.all.map((model) => model.stop(signal)));
  }

  #onFailed(model: Model, error: unknown): void {
    this.#firstFailure ??= { error };
    if (this.all.every(({ state }) => state === "failed")) return this.#failed.reject(this.#firstFailure.error);
    log.error("The model '{model}' failed: {reason}; the others stay in service; SIGHUP tries it again", {
      model: model.name,
      reason: messageOf(error),
    });
  }
}

function stateOf(states: readonly ModelState[]): ModelState {
  const [first] = states;
  if (first !== undefined && states.every((state) => state === first)) return first;
  for (const state of ["stopping", "loading"] as const) if (states.includes(state)) return state;
  return states.some((state) => state === "ready" || state === "degraded") ? "degraded" : "restarting";
}
