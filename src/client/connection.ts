/** Connects to a server, and sends requests over HTTP/1.1 (RFC 9112) without a library in between. */

import type { Endpoint } from "./endpoint.ts";

/** A connection, as far as requests need it. */
export type Stream = Pick<Deno.Conn, "read" | "write" | "close">;

/** The fields of a request's head. */
export interface RequestHead {
  readonly contentType: string;
  readonly accept: string;
  /** The id of the request in the server's log. */
  readonly id?: string | undefined;
  /** A bearer token (RFC 6750). */
  readonly token?: string | undefined;
  /** The length of the body in bytes. */
  readonly length: number;
}

/** Connects to a server. */
export async function connect({ url, socket }: Endpoint): Promise<Deno.Conn> {
  if (socket !== undefined) return await Deno.connect({ transport: "unix", path: socket });
  const { protocol, hostname: host, port } = new URL(url);
  // A URL has an IPv6 address in brackets.
  const hostname = host.replace(/^\[|\]$/g, "");
  if (protocol === "https:") return await Deno.connectTls({ hostname, port: Number(port || 443) });
  const conn = await Deno.connect({ hostname, port: Number(port || 80) });
  // Otherwise a body in several packets could wait 40 ms for an acknowledgement.
  conn.setNoDelay(true);
  return conn;
}

/** Formats the head of a POST request, with the empty line that ends it. */
export function requestHead(
  { pathname, search, host }: URL,
  { contentType, accept, id, token, length }: RequestHead,
): string {
  const requestId = id === undefined ? "" : `X-Request-Id: ${id}\r\n`;
  const authorization = token === undefined ? "" : `Authorization: Bearer ${token}\r\n`;
  return `POST ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: ${contentType}\r\nAccept: ${accept}\r\n` +
    `${requestId}${authorization}Content-Length: ${length}\r\n\r\n`;
}

/** Writes a request, or a part of one. A server may answer before it has all of it, so a failure is left to the reader of the answer. */
export async function send(conn: Stream, bytes: Uint8Array): Promise<void> {
  try {
    for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
  } catch {
    // The reader finds either the answer of a server that refused the rest, or the end of the connection.
  }
}

/** Closes a connection, which may be closed already. */
export function close(conn: Stream): void {
  try {
    conn.close();
  } catch {
    // It is closed already.
  }
}
