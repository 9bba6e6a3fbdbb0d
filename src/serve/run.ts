/** A serving run, from its start to its end: models, HTTP, and what a signal does to them. */

import { getLogger } from "@logtape/logtape";
import { type Assets, MAX_BODY_BYTES, withLimit } from "../bridge/mod.ts";
import { UsageError } from "../errors.ts";
import { lineSplitter } from "../observability/lines.ts";
import {
  describeFacts,
  logFailure,
  type ModelFacts,
  Models,
  type ModelSource,
  Pool,
  type PoolOptions,
  Worker,
  workerName,
  type WorkerOptions,
} from "../supervisor/mod.ts";
import { keepFreedMemory } from "../memory.ts";
import { VERSION } from "../version.ts";
import { type AppOptions, createApp } from "../http/app.ts";
import { type BrowserOptions, Browsers } from "../http/browsers.ts";
import { listen, listenOnUnix, type ListenOptions, type Server } from "../http/listen.ts";
import { Transcoder } from "../http/v2/mod.ts";
import { watch } from "./watch.ts";

const log = getLogger(["aimodellib", "serve"]);
const workerLog = getLogger(["aimodellib", "worker"]);

/** For answers that say that their requests were not finished to be sent, in ms. */
const LAST_ANSWERS_MS = 200;

/** A model to serve. */
export interface ServedModel extends Pick<ModelSource, "name"> {
  /** What the log calls its files until they are known. */
  readonly label: string;
  /** What is known before it is open. */
  readonly known?: Pick<ModelFiles, "facts" | "script" | "python"> | undefined;
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

/** What a serving run needs to know. */
export interface ServeConfig
  extends
    Omit<AppOptions, "browsers" | "transcoder">,
    ListenOptions,
    BrowserOptions,
    Pick<WorkerOptions, "startupTimeoutMs" | "requestTimeoutMs" | "maxRequests" | "maxMemory">,
    Required<Pick<PoolOptions, "queueSize" | "queueTimeoutMs" | "maxRestarts">> {
  /** The variables of each worker of a model: there are as many as workers. */
  readonly workers: readonly Readonly<Record<string, string>>[];
  /** At least one; each has workers of its own. */
  readonly models: readonly ServedModel[];
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
  /** How long a request may take to come, in ms. */
  readonly readTimeoutMs: number;
  /** The memory that the bodies of all requests in flight may take, in bytes. */
  readonly maxBodyMemory?: number | undefined;
  /** Reads tokens again. @throws {UsageError} if they are not good */
  readonly renewTokens?: (() => void) | undefined;
  /** Path of a Unix socket to listen on, in place of an address. */
  readonly unix?: string | undefined;
  /** Whether to reload when a file of the module or the model changes. */
  readonly reload: boolean;
}

/** What a serving run is given by its caller. */
export interface ServeContext {
  readonly assets: Assets;
  readonly env: (name: string) => string | undefined;
  /** Aborted by the first signal: drain, then end. */
  readonly stop: AbortSignal;
  /** Aborted by the second: end now. */
  readonly force: AbortSignal;
  /** Calls back when workers are to be replaced, until disposed. */
  readonly onReload: (handler: () => void) => Disposable;
}

/**
 * Serves until it is told to stop.
 *
 * @throws {UsageError} if the address can't be listened on
 * @throws {ScriptError} if no model can be loaded, with what was wrong with the first; or what its `open` throws
 */
export async function serve(config: ServeConfig, context: ServeContext): Promise<void> {
  keepFreedMemory();
  const { models: served } = config;
  const route = served.length === 1 ? () => "/invocations" : (name: string) => `/models/${name}/invocations`;
  const models: Models = new Models(
    served.map((source) => sourceOf(source, config, context, () => void models.get(source.name)?.reload())),
    ({ name }) => log.info("Ready: POST {url}{path}", { url: server.url, path: route(name) }),
  );
  const browsers = new Browsers(config);
  using transcoder = new Transcoder();
  const { handle, refuse } = createApp(models, { ...config, browsers, transcoder });
  const handling = { handle, refuse, readTimeoutMs: config.readTimeoutMs, maxBodyMemory: config.maxBodyMemory };
  const server = config.unix === undefined ? listen(config, handling) : await listenOnUnix(config.unix, handling);
  // No page has a token, and where others than this machine may ask, a page asks for nothing that its reader can't.
  browsers.enforced = config.allowHosts.length > 0 || (server.loopback && config.tokens === undefined);
  logBeginning(server.url, served);
  models.start();

  using _reload = context.onReload(() => {
    renew(server, config);
    void models.reload();
  });
  const stopped = Promise.withResolvers<void>();
  context.stop.addEventListener("abort", () => stopped.resolve(), { once: true });
  if (context.stop.aborted) stopped.resolve();
  try {
    await Promise.race([models.failed, stopped.promise]);
    log.info("Stopping: requests in flight are finished first");
  } finally {
    const limit = AbortSignal.any([context.force, AbortSignal.timeout(config.drainTimeoutMs)]);
    const drained = server.drain();
    await Promise.race([drained, aborted(limit)]);
    await models.stop(limit);
    // What was not finished has its answer now.
    await withLimit(drained, LAST_ANSWERS_MS);
    server.close();
  }
}

/** The first record: what is served, by which versions. */
function logBeginning(url: string, served: readonly ServedModel[]): void {
  const [only] = served.length === 1 ? served : [];
  const known = only?.known;
  log.info("Listening on {url}; loading {what}; aimodellib {version}", {
    url,
    version: VERSION,
    ...(known === undefined
      ? {
        what: served.map(({ name, label }) => `'${name}' (${label})`).join(", "),
        models: served.map(({ name }) => name),
      }
      : aboutFiles(only!.name, known)),
  });
}

function aboutFiles(model: string, { facts, script, python }: NonNullable<ServedModel["known"]>) {
  const now = facts();
  return {
    what: `'${model}', ${describeFacts(now, python)}`,
    model,
    ...now,
    script_path: script,
    python_path: python,
  };
}

/** Takes new certificates and tokens; those before stay if they are not good. */
function renew(server: Server, { renewTokens }: ServeConfig): void {
  for (const read of [() => server.renew(), () => renewTokens?.()]) {
    try {
      read();
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      log.error("{message}; what was read before stays", { message: error.message });
    }
  }
}

/** A model whose workers are replaced when its files change, if they are to be. */
function sourceOf(model: ServedModel, config: ServeConfig, context: ServeContext, reload: () => void): ModelSource {
  const { name } = model;
  return {
    name,
    async open(signal) {
      const files = await model.open(signal);
      if (model.known === undefined) log.info("Loading {what}", aboutFiles(name, files));
      const watching = config.reload ? watch([files.module, files.modelDir], reload) : undefined;
      return {
        facts: files.facts,
        createPool: () => createPool(files, config.models.length > 1 ? name : undefined, config, context),
        [Symbol.dispose]() {
          watching?.[Symbol.dispose]();
          files[Symbol.dispose]?.();
        },
      };
    },
  };
}

function createPool(
  { python, module, script, modelDir, variables, look }: ModelFiles,
  model: string | undefined,
  config: ServeConfig,
  { assets, env }: ServeContext,
): Pool {
  const { startupTimeoutMs, requestTimeoutMs, maxRequests, maxMemory } = config;
  const { workers, queueSize, queueTimeoutMs, maxRestarts, drainTimeoutMs } = config;
  return new Pool({
    model,
    size: workers.length,
    queueSize,
    queueTimeoutMs,
    maxRestarts,
    drainTimeoutMs,
    createWorker: (index, events) => {
      const worker = workerName(index, model);
      const mark = crypto.randomUUID().replaceAll("-", "");
      return new Worker({
        python,
        assets,
        env,
        variables: { ...variables, ...workers[index] },
        startupTimeoutMs,
        requestTimeoutMs,
        maxRequests,
        maxMemory,
        maxBody: config.maxAnswer,
        output: lineSplitter((line, origin) =>
          workerLog.info("{line}", {
            line,
            worker,
            ...(origin && { request_id: origin.requestId }),
            ...(origin?.traceId !== undefined && { trace_id: origin.traceId }),
          }), mark),
        onFailure: (failure) => logFailure(worker, failure),
        config: {
          mode: "serve",
          module,
          script,
          model_dir: modelDir,
          mark,
          max_batch_size: config.maxBatchSize,
          batch_timeout: (config.batchTimeoutMs ?? 0) / 1000,
          concurrency: config.concurrency,
          threads: config.threads,
          // Tensors may be longer for the script than in the request's body.
          max_body: MAX_BODY_BYTES,
          max_answer: config.maxAnswer,
        },
      }, {
        ...events,
        onReady: () => {
          look?.();
          events.onReady();
        },
      });
    },
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
