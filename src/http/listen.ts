/** Answers the connections of an open socket. */

import type { Bound } from "./bind.ts";
import { isLoopback } from "./browsers.ts";
import { HttpServer, type HttpServerOptions } from "./h1/mod.ts";

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

/** Accepts the connections of a socket, which the server closes at its end. */
export function listen(socket: Bound, handling: HttpServerOptions): Server {
  let bound = socket;
  const server = new HttpServer(handling);
  server.listen(bound.listener);
  return {
    url: bound.url,
    loopback: isAtLoopback(bound.listener.addr),
    renew() {
      // Closing a listener resets the connections that wait in its queue, unless net.ipv4.tcp_migrate_req is set.
      const next = bound.renewed();
      if (next === undefined) return;
      // The old and the new listener overlap for a moment, which keeps connections from being refused.
      const before = bound;
      bound = next;
      server.listen(bound.listener);
      server.ignore(before.listener);
    },
    async drain() {
      bound.hide();
      await server.drain();
      bound[Symbol.dispose]();
    },
    close() {
      server.close();
      bound[Symbol.dispose]();
    },
  };
}

function isAtLoopback(address: Deno.Addr): boolean {
  if (!("hostname" in address)) return false;
  const { hostname } = address;
  return isLoopback(hostname.includes(":") ? `[${hostname}]` : hostname);
}
