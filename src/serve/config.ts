/** The configuration of a serving run, and the context that its caller provides. */

import type { Assets, RequestMemory } from "../bridge/mod.ts";
import type { AppOptions } from "../http/app.ts";
import type { ListenOptions } from "../http/bind.ts";
import type { BrowserOptions } from "../http/browsers.ts";
import type { ServiceManager } from "../platform/systemd.ts";
import type { Recent, WorkerLife } from "../recent/mod.ts";
import type { TracingSettings } from "../tracing/settings.ts";
import type { logFailure, PoolOptions, ServedModel, WorkerOptions } from "../supervisor/mod.ts";

/** How the workers of a model are run, by `serve` as by `predict`. */
export interface PoolConfig
  extends
    Pick<WorkerOptions, "startupTimeoutMs" | "requestTimeoutMs" | "maxRequests" | "maxMemory">,
    Required<Pick<PoolOptions, "queueSize" | "queueTimeoutMs" | "maxRestarts">> {
  /** The environment variables of each worker of a model, one entry a worker. */
  readonly workers: readonly Readonly<Record<string, string>>[];
  /** The longest answer accepted from a worker, in bytes. */
  readonly maxAnswer: number;
  /** After the first signal: how long requests in flight may take, and then how long workers may take to end, in ms. */
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

/** What the caller provides to a pool of workers. */
export interface PoolContext {
  readonly assets: Assets;
  readonly env: (name: string) => string | undefined;
  /** Shared memory for large bodies of requests. @default bodies are sent to the workers */
  readonly memory?: RequestMemory | undefined;
  /** Called when a worker is started, with its name in logs and its place in `PoolConfig.workers`; the result receives what happens to it. */
  readonly followWorker?: ((worker: string, index: number) => WorkerLife) | undefined;
  /** Whether requests are traced. @default false */
  readonly traced?: (() => boolean) | undefined;
  /** Receives exceptions of the script. @default they are logged */
  readonly onFailure?: typeof logFailure | undefined;
  /** Called when a worker's Python has started, with its version, or could not start. */
  readonly onStarted?: WorkerOptions["onStarted"];
}

/** The configuration of a serving run. */
export interface ServeConfig
  extends
    Omit<AppOptions, "browsers" | "transcoder" | "reload" | "recent" | "limits" | "tracing" | "encrypted" | "memory">,
    ListenOptions,
    BrowserOptions,
    PoolConfig {
  /** At least one; each has workers of its own. */
  readonly models: readonly ServedModel[];
  /** How long a client may take to send a request, in ms. */
  readonly readTimeoutMs: number;
  /** The memory that the bodies of all requests in flight may take, in bytes. */
  readonly maxBodyMemory?: number | undefined;
  /** Reads the tokens again. @throws {UsageError} if they are invalid */
  readonly renewTokens?: (() => void) | undefined;
  /** Where traces are sent to, and which. @default requests are not traced */
  readonly traces?: TracingSettings | undefined;
  /** Path of a Unix socket to listen on instead of an address. */
  readonly unix?: string | undefined;
  /** Whether the Unix socket gets its name when all models are ready. @default before they are loaded */
  readonly socketWhenReady?: boolean | undefined;
}

/** What the caller provides to a serving run. */
export interface ServeContext extends Omit<PoolContext, "followWorker" | "memory"> {
  /** Keeps what happens for the console, until the run stops. @default nothing is kept */
  readonly recent?: Recent | undefined;
  /** Aborted by the first signal: drain, then end. */
  readonly stop: AbortSignal;
  /** Aborted by the second: end now. */
  readonly force: AbortSignal;
  /** Calls back when workers are to be replaced, until disposed. */
  readonly onReload: (handler: () => void) => Disposable;
  /** Is told when the server is ready, reloads and stops. @default nobody is told */
  readonly manager?: ServiceManager | undefined;
  /** Returns the paths of files that the program writes to: their changes reload nothing. @default it writes to none */
  readonly written?: (() => readonly string[]) | undefined;
  /** Called with a model's name and the server's URL when the model can answer. */
  readonly onReady?: ((name: string, url: string) => void) | undefined;
}
