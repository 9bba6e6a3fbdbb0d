/**
 * The models that one process serves.
 *
 * They are ready when each is, or has failed: a bad one does not keep a load balancer from the others. The run fails when
 * all have.
 */

import { getLogger } from "@logtape/logtape";
import { Model, type ModelSource, type ModelState } from "./model.ts";
import { messageOf } from "../errors.ts";

const log = getLogger(["aimodellib", "supervisor"]);

/** The models that this process serves, and their state as a whole. */
export class Models {
  readonly all: readonly Model[];
  readonly #failed = Promise.withResolvers<never>();
  /** Why the first failed. */
  #firstFailure: { readonly error: unknown } | undefined;

  /** @param onReady called with each that is ready, each time that it was opened */
  constructor(sources: readonly ModelSource[], onReady: (model: Model) => void) {
    this.all = sources.map((source) =>
      new Model(source, { onReady, onFailed: (model, error) => this.#onFailed(model, error) })
    );
    this.#failed.promise.catch(() => {});
  }

  /** Rejects with why the first has failed, when all have; never resolves. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /** The model of that name. */
  get(name: string): Model | undefined {
    return this.all.find((model) => model.name === name);
  }

  /** Where they stand, together: as the only one; of several, `degraded` if one of them is not ready. */
  get state(): ModelState {
    return stateOf(this.all.map(({ state }) => state));
  }

  /** Opens and loads all of them. */
  start(): void {
    for (const model of this.all) model.start();
  }

  /** Replaces all workers by new ones, those of all models at the same time. */
  async reload(): Promise<void> {
    await Promise.all(this.all.map((model) => model.reload()));
  }

  /** Ends all of them. */
  async stop(signal: AbortSignal): Promise<void> {
    await Promise.all(this.all.map((model) => model.stop(signal)));
  }

  #onFailed(model: Model, error: unknown): void {
    this.#firstFailure ??= { error };
    if (this.all.every(({ state }) => state === "failed")) return this.#failed.reject(this.#firstFailure.error);
    log.error("The model '{model}' failed: {reason}; the others go on, and SIGHUP tries it again", {
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
