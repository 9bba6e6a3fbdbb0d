/** A serving run from its start to its end: models, HTTP, and signals. */

import { getLogger } from "@logtape/logtape";
import { UsageError } from "../errors.ts";
import { createApp } from "../http/app.ts";
import { BodyRefusals } from "../http/body_refusals.ts";
import { Browsers } from "../http/browsers.ts";
import { listen, listenOnUnix, type Server } from "../http/listen.ts";
import { Transcoder } from "../http/v2/mod.ts";
import { keepFreedMemory } from "../memory.ts";
import { Models, type ServedModel } from "../supervisor/mod.ts";
import { VERSION } from "../version.ts";
import { withLimit } from "../with_limit.ts";
import type { ServeConfig, ServeContext } from "./config.ts";
import { aboutFiles, observed } from "./opening.ts";
import { createPool } from "./pool.ts";

const log = getLogger(["aimodellib", "serve"]);

/** How long the last answers, which report unfinished requests, may take to be sent, in ms. */
const LAST_ANSWERS_MS = 200;

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
  const models: Models = new Models(
    served.map((model) => observed(model, config.reload ? () => void models.get(model.name)?.reload() : undefined)),
    (files, name) => createPool(files, alone ? undefined : name, config, context),
    ({ name }) => {
      log.info("Ready: POST {url}{path}", { url: server.url, path: route(name) });
      context.onReady?.(name, server.url);
    },
  );
  const browsers = new Browsers(config);
  using transcoder = new Transcoder();
  const reload = () => {
    renew(server, config);
    return models.reload();
  };
  const { handle, refuse, answerError } = createApp(models, { ...config, browsers, transcoder, reload });
  using refusals = new BodyRefusals(config.maxBodyMemory ?? Infinity);
  const handling = {
    handle,
    refuse,
    answerError,
    readTimeoutMs: config.readTimeoutMs,
    maxBodyMemory: config.maxBodyMemory,
    onBodyRefused: () => refusals.add(),
  };
  const server: Server = config.unix === undefined
    ? listen(config, handling)
    : await listenOnUnix(config.unix, handling);
  browsers.loopback = server.loopback;
  // No page has a token, and where others than this machine may ask, a page asks for nothing that its reader can't.
  browsers.enforced = config.allowHosts.length > 0 || (server.loopback && config.tokens === undefined);
  await Promise.all(served.map(({ known }) => known?.settled));
  logBeginning(server.url, served);
  models.start();

  using _reload = context.onReload(() => void reload());
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
    // Unfinished requests have been answered by now; give the answers time to be sent.
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
