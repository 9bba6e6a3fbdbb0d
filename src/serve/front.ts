/** The HTTP side of a serving run, which is loaded while the first Python starts. */

import { type AppOptions, createApp } from "../http/app.ts";
import type { Bound } from "../http/bind.ts";
import { BodyRefusals } from "../http/body_refusals.ts";
import { Browsers } from "../http/browsers.ts";
import { listen, type Server } from "../http/listen.ts";
import { Transcoder } from "../http/v2/transcoder.ts";
import type { Models } from "../supervisor/mod.ts";
import type { Limits } from "../web/wire.ts";
import type { ServeConfig } from "./config.ts";

/** A server that answers for models, and what it holds until it is disposed, after the server was closed. */
export interface Front extends Disposable {
  readonly server: Server;
}

/** Answers the connections of a socket. */
export function openFront(
  bound: Bound,
  models: Models,
  config: ServeConfig,
  { reload, recent, tracing, memory }: Pick<AppOptions, "reload" | "recent" | "tracing" | "memory">,
): Front {
  using stack = new DisposableStack();
  const browsers = new Browsers(config);
  const transcoder = stack.use(new Transcoder());
  const { handle, refuse, answerError } = createApp(models, {
    ...config,
    browsers,
    transcoder,
    reload,
    recent,
    tracing,
    memory,
    encrypted: config.tls !== undefined,
    limits: limitsOf(config),
  });
  const refusals = stack.use(new BodyRefusals(config.maxBodyMemory ?? Infinity));
  const server = listen(bound, {
    handle,
    refuse,
    answerError,
    readTimeoutMs: config.readTimeoutMs,
    maxBodyMemory: config.maxBodyMemory,
    onBodyRefused: () => refusals.add(),
  });
  browsers.loopback = server.loopback;
  // With tokens, a web page can do nothing, since it has none. At an address that other machines reach, a page can do no more than anybody
  // who knows the address. That leaves loopback addresses without tokens.
  browsers.enforced = config.allowHosts.length > 0 || (server.loopback && config.tokens === undefined);
  const owned = stack.move();
  return { server, [Symbol.dispose]: () => owned.dispose() };
}

/** The limits of a run, as the console shows them. */
function limitsOf(config: ServeConfig): Limits {
  const { maxBody, maxBodyMemory, queueSize, maxBatchSize, concurrency, threads } = config;
  const { queueTimeoutMs, requestTimeoutMs } = config;
  return {
    maxBody,
    maxBodyMemory,
    queueSize,
    queueTimeout: queueTimeoutMs / 1000,
    requestTimeout: requestTimeoutMs === undefined ? undefined : requestTimeoutMs / 1000,
    maxBatchSize,
    concurrency,
    threads,
  };
}
