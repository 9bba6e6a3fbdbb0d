/** A model to serve: commands describe it, `Model` opens it, and workers load its files. */

import type { ModelFacts } from "./model_facts.ts";

/** A model to serve. */
export interface ServedModel {
  /** The name in routes and metrics: letters, digits and `._-`. */
  readonly name: string;
  /** The log's description of its files until they are known. */
  readonly label: string;
  /** Facts that are known before the model is opened. */
  readonly known?:
    | Pick<ModelFiles, "facts" | "module" | "script" | "python"> & {
      /** Resolves when the facts are complete; it never rejects. Without it, the first worker completes them. */
      readonly settled?: Promise<unknown>;
    }
    | undefined;
  /** Prepares the files for loading, such as by downloading and unpacking them. Called again after a failure. */
  readonly open: (signal: AbortSignal) => Promise<ModelFiles>;
}

/** The files of an open model, which its workers load. Disposing releases them, such as an unpacked archive. */
export interface ModelFiles extends Partial<Disposable> {
  /** Path of the Python. */
  readonly python: string;
  /** Absolute paths. */
  readonly module: string;
  readonly script: string;
  readonly modelDir: string;
  /** Returns what is known about the model at present. */
  readonly facts: () => ModelFacts;
  /** Called when the Python of a worker has started, with its version; with undefined if it could not start. */
  readonly onStarted?: ((version: string | undefined) => void) | undefined;
  /** Called when a worker has loaded the model: reads the facts again. */
  readonly look?: (() => void) | undefined;
  /** Environment variables of its workers, in addition to those of this process. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
}
