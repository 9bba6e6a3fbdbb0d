/** Opens the sockets of the server: TCP, TLS and Unix. */

import { authority } from "../host.ts";
import { messageOf, UsageError } from "../errors.ts";
import { readText } from "../files.ts";
import { isLoopback } from "./browsers.ts";
import { HttpServer, type HttpServerOptions, type Listener } from "./h1/mod.ts";

/** File mode of a Unix socket: read and write for its user and group. */
const UNIX_MODE = 0o660;

/** The address to listen on, and the certificate to use. */
export interface ListenOptions {
  /** Address or name of the interface. */
  readonly host: string;
  /** The port; 0 picks a free one. */
  readonly port: number;
  /** Paths of a certificate's chain and of its key, in PEM; without them, connections are not encrypted. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
}

/** A server that listens. */
export interface Server {
  /** Where it can be reached, such as `http://127.0.0.1:8080`, or `unix:/run/model.sock`. */
  readonly url: string;
  /** Whether only this machine reaches it, at an address that its browsers reach as well. */
  readonly loopback: boolean;
  /**
   * Reads the certificate and key again, for new connections. It does nothing if both are unchanged.
   *
   * @throws {UsageError} if they can't be read, or do not match; the previous ones stay in use
   */
  renew(): void;
  /** Stops accepting; resolves when every request that was accepted has its response. */
  drain(): Promise<void>;
  /** Closes the server and all connections at once. */
  close(): void;
}

/**
 * Opens a socket and answers the connections that it accepts.
 *
 * @throws {UsageError} if the address can't be listened on, or there is no such certificate
 */
export function listen(options: ListenOptions, handling: HttpServerOptions): Server {
  const { host, tls } = options;
  let secrets = tls && readSecrets(tls);
  let listener = open(options, options.port, secrets);
  const { port, hostname } = listener.addr as Deno.NetAddr;
  const server = new HttpServer(handling);
  server.listen(listener);
  return {
    url: `${tls === undefined ? "http" : "https"}://${authority(host, port)}`,
    loopback: isLoopback(hostname.includes(":") ? `[${hostname}]` : hostname),
    renew() {
      if (tls === undefined) return;
      const read = readSecrets(tls);
      // Closing a listener resets the connections that wait in its queue, unless net.ipv4.tcp_migrate_req is set.
      if (read.cert === secrets?.cert && read.key === secrets.key) return;
      // The old and the new listener overlap for a moment, which keeps connections from being refused.
      const before = listener;
      listener = open(options, port, read);
      secrets = read;
      server.listen(listener);
      server.ignore(before);
    },
    drain: () => server.drain(),
    close: () => server.close(),
  };
}

/** A certificate's chain and its key, in PEM. */
interface Secrets {
  readonly cert: string;
  readonly key: string;
}

/** @throws {UsageError} if one of them can't be read */
function readSecrets({ cert, key }: { readonly cert: string; readonly key: string }): Secrets {
  return { cert: readText(cert, "certificate"), key: readText(key, "key") };
}

/** @throws {UsageError} if that fails */
function open({ host, tls }: ListenOptions, port: number, secrets: Secrets | undefined): Listener {
  const address = { hostname: host, port };
  try {
    if (secrets === undefined) return Deno.listen(address);
    return Deno.listenTls({ ...address, ...secrets, alpnProtocols: ["http/1.1"], reusePort: true });
  } catch (cause) {
    const reason = messageOf(cause);
    const advice = cause instanceof Deno.errors.AddrInUse
      ? "; choose another port with --port (0 takes any that is free)"
      : tls !== undefined && !(cause instanceof Deno.errors.AddrNotAvailable)
      ? `; are '${tls.cert}' and '${tls.key}' a certificate and its key, in PEM?`
      : "";
    throw new UsageError(`Can't listen on ${authority(host, port)}: ${reason}${advice}`, { cause });
  }
}

/**
 * Starts to listen on a Unix socket.
 *
 * @throws {UsageError} if there is something of that name already, or it can't be made
 */
export async function listenOnUnix(path: string, handling: HttpServerOptions): Promise<Server> {
  await removeStale(path);
  let listener: Listener;
  try {
    listener = bindUnix(path);
  } catch (cause) {
    const reason = messageOf(cause);
    throw new UsageError(`Can't listen on the Unix socket '${path}': ${reason}`, { cause });
  }
  const server = new HttpServer(handling);
  server.listen(listener);
  return {
    url: `unix:${path}`,
    loopback: false,
    renew: () => {},
    async drain() {
      await server.drain();
      remove(path);
    },
    close() {
      server.close();
      remove(path);
    },
  };
}

/** Listens on a socket for a proxy of the same user or group. No one else can connect, not before its mode is set either. */
function bindUnix(path: string): Listener {
  // The umask belongs to the whole process, but no other code runs in between.
  const before = Deno.umask(0o777 & ~UNIX_MODE);
  try {
    const listener = Deno.listen({ transport: "unix", path });
    // A default ACL of the folder overrides the umask.
    Deno.chmodSync(path, UNIX_MODE);
    return listener;
  } finally {
    Deno.umask(before);
  }
}

function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // The socket is already removed.
  }
}

/** Removes the socket of a process that was killed. @throws {UsageError} if a process listens on it, or the file is not a socket */
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
