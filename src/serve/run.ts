/** A serving run from its start to its end: models, HTTP, and signals. */

import { getLogger } from "@logtape/logtape";
import { RequestMemory } from "../bridge/mod.ts";
import { UsageError } from "../errors.ts";
import { bind, bindUnix } from "../http/bind.ts";
import type { Server } from "../http/listen.ts";
import { keepFreedMemory } from "../memory.ts";
import { Models, type ServedModel } from "../supervisor/mod.ts";
import { VERSION } from "../version.ts";
import { withLimit } from "../with_limit.ts";
import type { ServeConfig, ServeContext } from "./config.ts";
import type { Front } from "./front.ts";
import { aboutFiles, observed } from "./opening.ts";
import { deviceOf } from "./devices.ts";
import { createPool } from "./pool.ts";
import { reportTo } from "./reports.ts";

const log = getLogger(["aimodellib", "serve"]);

/** How long the last answers, which report unfinished requests, may take to be sent, in ms. */
const LAST_ANSWERS_MS = 200;

/** How long the spans of the last requests may take to be sent, in ms. */
const LAST_SPANS_MS = 3_000;

/** How long the first record waits for the Python of the first worker to tell its version, in ms. */
const GREETING_MS = 5_000;

/**
 * Serves until it is told to stop.
 *
 * @throws {UsageError} if the address can't be listened on
 * @throws {ScriptError} if no model can be loaded; it describes the failure of the first one. Errors of its `open` are thrown unchanged
 */
export async function serve(config: ServeConfig, context: ServeContext): Promise<void> {
  keepFreedMemory();
  const { models: served } = config;
  const alone = served.length === 1;
  const route = alone ? () => "/invocations" : (name: string) => `/models/${name}/invocations`;
  using bound = config.unix === undefined ? bind(config) : await bindUnix(config.unix, config.socketWhenReady);
  const { url } = bound;
  using memory = new RequestMemory();
  const begun = Promise.withResolvers<void>();
  const unnamed = Promise.withResolvers<never>();
  const greeted = Promise.withResolvers<void>();
  const models: Models = new Models(
    served.map((model) =>
      observed(model, config.reload ? () => reloadAlone(model.name) : undefined, context.written ?? (() => []))
    ),
    (files, name) =>
      createPool(files, alone ? undefined : name, config, {
        ...context,
        memory,
        traced: () => tracing !== undefined,
        followWorker: context.recent &&
          ((worker, index) =>
            context.recent!.workers.start({ worker, model: name, device: deviceOf(config.workers[index]) })),
        onStarted(version) {
          files.onStarted?.(version);
          greeted.resolve();
        },
      }),
    async ({ name }) => {
      await begun.promise;
      if (!await show()) return;
      log.info("Ready: POST {url}{path}", { url, path: route(name) });
      context.onReady?.(name, url);
    },
    () => void begun.promise.then(show),
  );
  let showing: Promise<void> | undefined;
  const shown = Promise.withResolvers<void>();
  /** Gives a hidden socket its name once each model has been ready or has failed. @returns false if that failed: the run ends */
  async function show(): Promise<boolean> {
    // A model that restarts its workers at this moment has been ready, and nothing reports when it is ready again.
    if (!["ready", "degraded", "restarting"].includes(models.state)) return true;
    try {
      await (showing ??= bound.show());
      shown.resolve();
      return true;
    } catch (error) {
      unnamed.reject(error);
      return false;
    }
  }
  const stopped = Promise.withResolvers<void>();
  context.stop.addEventListener("abort", () => stopped.resolve(), { once: true });
  if (context.stop.aborted) stopped.resolve();
  // Workers are told whether requests are traced.
  const tracing = config.traces && await (await import("../tracing/mod.ts")).startTracing(config.traces);
  // The first Python starts while the server is loaded. Models whose files are not known yet are named in the log before.
  const [only] = served.length === 1 ? served : [];
  if (only?.known !== undefined) models.start();
  let front: Front;
  /** After a change to a model's files. */
  function reloadAlone(name: string): void {
    const reloaded = models.get(name)?.reload();
    if (reloaded !== undefined) context.manager?.reloading(reloaded);
  }
  const reload = () => {
    renew(front.server, config);
    if (config.renewTokens !== undefined) context.recent?.endStreams();
    const reloaded = models.reload();
    context.manager?.reloading(reloaded);
    return reloaded;
  };
  try {
    const { openFront } = await import("./front.ts");
    front = openFront(bound, models, config, { reload, recent: context.recent, tracing, memory });
  } catch (error) {
    await models.stop(AbortSignal.abort());
    throw error;
  }
  using _front = front;
  const { server } = front;
  if (only?.known !== undefined) {
    const known = only.known.settled ?? greeted.promise;
    await withLimit(Promise.race([known, models.failed, stopped.promise]), GREETING_MS);
  }
  logBeginning(url, served);
  tracing?.announce();
  begun.resolve();
  context.recent?.start();
  if (only?.known === undefined) models.start();
  using _reports = context.manager && reportTo(context.manager, models, url, shown.promise);

  using _reload = context.onReload(() => void reload());
  try {
    await Promise.race([models.failed, unnamed.promise, stopped.promise]);
    log.info("Stopping: requests in flight are finished first");
  } finally {
    _reports?.[Symbol.dispose]();
    context.manager?.stopping();
    const limit = AbortSignal.any([context.force, AbortSignal.timeout(config.drainTimeoutMs)]);
    // The streams of events would last as long as their readers like.
    context.recent?.[Symbol.dispose]();
    const drained = server.drain();
    await Promise.race([drained, aborted(limit)]);
    await models.stop(limit);
    // Unfinished requests have been answered by now; give the answers time to be sent.
    await withLimit(drained, LAST_ANSWERS_MS);
    server.close();
    await tracing?.stop(AbortSignal.any([context.force, AbortSignal.timeout(LAST_SPANS_MS)]));
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

/** Reads certificates and tokens again; if they are invalid, the previous ones stay in use. */
function renew(server: Server, { renewTokens }: ServeConfig): void {
  for (const read of [() => server.renew(), () => renewTokens?.()]) {
    try {
      read();
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      log.error("{message}; the previous certificate and tokens stay in use", { message: error.message });
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
