/** What a serving run is told, and what it is given by its caller. */

import type { Assets } from "../bridge/mod.ts";
import type { AppOptions } from "../http/app.ts";
import type { BrowserOptions } from "../http/browsers.ts";
import type { ListenOptions } from "../http/listen.ts";
import type { logFailure, ModelFacts, ModelSource, PoolOptions, WorkerOptions } from "../supervisor/mod.ts";

/** A model to serve. */
export interface ServedModel extends Pick<ModelSource, "name"> {
  /** What the log calls its files until they are known. */
  readonly label: string;
  /** What is known before it is open. */
  readonly known?: Pick<ModelFiles, "facts" | "module" | "script" | "python"> | undefined;
  /** Gets it ready to be loaded. */
  readonly open: (signal: AbortSignal) => Promise<ModelFiles>;
}

/** What a worker is to load; what it is made of is let go when it is disposed. */
export interface ModelFiles extends Partial<Disposable> {
  /** Path of the Python. */
  readonly python: string;
  /** Absolute paths. */
  readonly module: string;
  readonly script: string;
  readonly modelDir: string;
  /** What may be told of it now. */
  readonly facts: () => ModelFacts;
  /** Looks again what it is: a worker has loaded it. */
  readonly look?: (() => void) | undefined;
  /** Variables of its workers, beside those of this process. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
}

/** How the workers of a model are run, whoever asks them. */
export interface PoolConfig
  extends
    Pick<WorkerOptions, "startupTimeoutMs" | "requestTimeoutMs" | "maxRequests" | "maxMemory">,
    Required<Pick<PoolOptions, "queueSize" | "queueTimeoutMs" | "maxRestarts">> {
  /** The variables of each worker of a model: there are as many as workers. */
  readonly workers: readonly Readonly<Record<string, string>>[];
  /** The longest answer of a worker, in bytes. */
  readonly maxAnswer: number;
  /** For the requests in flight, and then for the workers, after the first signal; in ms. */
  readonly drainTimeoutMs: number;
  /** How many requests are predicted together, and how long the first of them waits for others, in ms. */
  readonly maxBatchSize: number;
  readonly batchTimeoutMs?: number | undefined;
  /** How many requests a worker executes at once: in tasks, and in threads. */
  readonly concurrency: number;
  readonly threads: number;
  /** Whether to reload when a file of the module or the model changes. */
  readonly reload: boolean;
}

/** What a pool of workers is given by its caller. */
export interface PoolContext {
  readonly assets: Assets;
  readonly env: (name: string) => string | undefined;
  /** Takes what a script raises. @default it is logged */
  readonly onFailure?: typeof logFailure | undefined;
}

/** What a serving run needs to know. */
export interface ServeConfig
  extends Omit<AppOptions, "browsers" | "transcoder">, ListenOptions, BrowserOptions, PoolConfig {
  /** At least one; each has workers of its own. */
  readonly models: readonly ServedModel[];
  /** How long a request may take to come, in ms. */
  readonly readTimeoutMs: number;
  /** The memory that the bodies of all requests in flight may take, in bytes. */
  readonly maxBodyMemory?: number | undefined;
  /** Reads tokens again. @throws {UsageError} if they are not good */
  readonly renewTokens?: (() => void) | undefined;
  /** Path of a Unix socket to listen on, in place of an address. */
  readonly unix?: string | undefined;
}

/** What a serving run is given by its caller. */
export interface ServeContext extends PoolContext {
  /** Aborted by the first signal: drain, then end. */
  readonly stop: AbortSignal;
  /** Aborted by the second: end now. */
  readonly force: AbortSignal;
  /** Calls back when workers are to be replaced, until disposed. */
  readonly onReload: (handler: () => void) => Disposable;
  /** Called when a model can answer, with its name and the server's URL. */
  readonly onReady?: ((name: string, url: string) => void) | undefined;
}
