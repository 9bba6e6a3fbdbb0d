/** Listening: the server of the application, from its start to its drain. */

import { UsageError } from "../errors.ts";

/** Where to listen. */
export interface ListenOptions {
  /** Address or name of the interface. */
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
}

/** A server that listens. */
export interface Server {
  /** Where it can be reached, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Stops accepting; resolves when every request that was accepted has its response. */
  drain(): Promise<void>;
}

/**
 * Starts to listen.
 *
 * @throws {UsageError} if the address can't be listened on
 */
export function listen(
  { host, port }: ListenOptions,
  handler: (request: Request) => Response | Promise<Response>,
): Server {
  let server: Deno.HttpServer<Deno.NetAddr>;
  try {
    server = Deno.serve({ hostname: host, port, onListen: () => {} }, handler);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const advice = cause instanceof Deno.errors.AddrInUse
      ? "; choose another port with --port (0 takes any that is free)"
      : "";
    throw new UsageError(`Can't listen on ${origin(host, port)}: ${reason}${advice}`, { cause });
  }
  return {
    url: `http://${origin(host, server.addr.port)}`,
    drain: () => server.shutdown(),
  };
}

function origin(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
