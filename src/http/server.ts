/** Listening: the server of the application, from its start to its drain. */

import { getLogger } from "@logtape/logtape";
import { reasonOf, UsageError } from "../errors.ts";
import type { Executing } from "./executing.ts";
import type { Local } from "./sockets.ts";

const log = getLogger(["aimodellib", "http"]);

/** Between two looks at whether requests are executed, and for their answers to be sent, in ms. */
const IDLE_LOOK_MS = 50;
const SEND_MS = 200;

/** Where to listen. */
export interface ListenOptions {
  /** Address or name of the interface. */
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** Paths of a certificate's chain and of its key, in PEM; without them, connections are not encrypted. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
}

/** What answers. */
export interface Handling {
  readonly handler: (request: Request, info: Deno.ServeHandlerInfo) => Response | Promise<Response>;
  /** The requests that it executes. */
  readonly executing: Executing;
}

/** A server that listens. */
export interface Server {
  /** Where it can be reached, such as `http://127.0.0.1:8080`, or `unix:/run/model.sock`. */
  readonly url: string;
  readonly local: Local;
  /**
   * Listens again: Deno stops listening, and says nothing of it, when a connection can't be accepted because there is no
   * file descriptor left. Connections that it has are not affected. What goes wrong is logged.
   */
  relisten(): void;
  /**
   * Reads certificate and key again, for connections from now on.
   *
   * @throws {UsageError} if they can't be read, or don't fit; those before stay
   */
  renew(): void;
  /** Stops accepting; resolves when every request that was accepted has its response. */
  drain(): Promise<void>;
}

/**
 * Starts to listen.
 *
 * @throws {UsageError} if the address can't be listened on, or there is no such certificate
 */
export function listen(options: ListenOptions, { handler, executing }: Handling): Server {
  const { host, tls } = options;
  const first = serve(options, options.port, handler);
  const { port } = first.addr;
  const servers = new Servers(first, executing);
  const url = `${tls === undefined ? "http" : "https"}://${origin(host, port)}`;
  return {
    url,
    local: port,
    relisten: () => servers.relisten(url, () => serve(options, port, handler)),
    renew() {
      if (tls === undefined) return;
      // Both listen for a moment: no connection is refused.
      const before = servers.all;
      servers.add(serve(options, port, handler));
      for (const server of before) void server.shutdown();
    },
    drain: () => servers.drain(),
  };
}

/** Servers on the same address: the newest listens, the others answer on connections that they have. */
class Servers {
  readonly #servers = new Set<Deno.HttpServer>();
  /** Those that have stopped to listen by themselves: Deno panics when such a one is shut down. */
  readonly #deaf = new Set<Deno.HttpServer>();
  readonly #executing: Executing;

  constructor(first: Deno.HttpServer, executing: Executing) {
    this.#executing = executing;
    this.add(first);
  }

  /** Those that can be shut down. */
  get all(): readonly Deno.HttpServer[] {
    return [...this.#servers];
  }

  add(server: Deno.HttpServer): void {
    this.#servers.add(server);
    // A deaf one fails with the reason for that, when its last connection has ended.
    const end = () => {
      this.#servers.delete(server);
      this.#deaf.delete(server);
    };
    server.finished.then(end, end);
  }

  relisten(url: string, listen: () => Deno.HttpServer): void {
    for (const server of this.#servers) this.#deaf.add(server);
    this.#servers.clear();
    try {
      this.add(listen());
      log.warn("Listening on {url} again: a connection could not be accepted (see ulimit -n)", { url });
    } catch (error) {
      log.error("Can't listen on {url} again: {reason}; trying again", { url, reason: reasonOf(error) });
    }
  }

  async drain(): Promise<void> {
    await Promise.all(this.all.map((server) => server.shutdown()));
    if (this.#deaf.size === 0) return;
    // Their connections end with this process.
    while (this.#executing.size > 0) await sleep(IDLE_LOOK_MS);
    await sleep(SEND_MS);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function serve(
  { host, tls }: ListenOptions,
  port: number,
  handler: Handling["handler"],
): Deno.HttpServer<Deno.NetAddr> {
  const secrets = tls && { cert: read(tls.cert, "certificate"), key: read(tls.key, "key"), reusePort: true };
  try {
    return Deno.serve({ hostname: host, port, onListen: () => {}, ...secrets }, handler);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const advice = cause instanceof Deno.errors.AddrInUse
      ? "; choose another port with --port (0 takes any that is free)"
      : tls !== undefined && !(cause instanceof Deno.errors.AddrNotAvailable)
      ? `; are '${tls.cert}' and '${tls.key}' a certificate and its key, in PEM?`
      : "";
    throw new UsageError(`Can't listen on ${origin(host, port)}: ${reason}${advice}`, { cause });
  }
}

/**
 * Starts to listen on a Unix socket.
 *
 * @throws {UsageError} if there is something of that name already, or it can't be made
 */
export async function listenOnUnix(path: string, { handler, executing }: Handling): Promise<Server> {
  await removeStale(path);
  const listen = () => {
    const server = Deno.serve({ path, onListen: () => {} }, handler);
    // For a proxy of the same group.
    Deno.chmodSync(path, 0o660);
    return server;
  };
  let servers: Servers;
  try {
    servers = new Servers(listen(), executing);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`Can't listen on the Unix socket '${path}': ${reason}`, { cause });
  }
  const url = `unix:${path}`;
  return {
    url,
    local: path,
    relisten: () =>
      servers.relisten(url, () => {
        remove(path);
        return listen();
      }),
    renew: () => {},
    async drain() {
      await servers.drain();
      remove(path);
    },
  };
}

function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // Somebody else did.
  }
}

/** Removes a socket that a process left which was killed. @throws {UsageError} if somebody listens on it, or it is none */
async function removeStale(path: string): Promise<void> {
  try {
    if (!Deno.lstatSync(path).isSocket) throw new UsageError(`Can't listen on '${path}': there is a file of that name`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  try {
    (await Deno.connect({ transport: "unix", path })).close();
  } catch {
    Deno.removeSync(path);
    return;
  }
  throw new UsageError(`Can't listen on '${path}': another process does`);
}

function read(path: string, what: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (cause) {
    throw new UsageError(`The ${what} '${path}' can't be read: ${reasonOf(cause)}`, { cause });
  }
}

function origin(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
