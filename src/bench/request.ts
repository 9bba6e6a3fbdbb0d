/** The request of a load test, as bytes. */

import type { Endpoint } from "../client/endpoint.ts";

const encoder = new TextEncoder();

/** The request that is repeated. */
export interface Target {
  /** `http:` or `https:`. */
  readonly url: URL;
  readonly body: Uint8Array;
  readonly contentType: string;
  readonly accept?: string | undefined;
  /** A bearer token (RFC 6750). */
  readonly token?: string | undefined;
}

/** The whole request: head and body in one piece, so that one write sends it. */
export function requestBytes({ url, body, contentType, accept = "*/*", token }: Target): Uint8Array {
  const head = encoder.encode(
    [
      `POST ${url.pathname}${url.search} HTTP/1.1`,
      `Host: ${url.host}`,
      `Content-Type: ${contentType}`,
      `Accept: ${accept}`,
      ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
      `Content-Length: ${body.byteLength}`,
      "",
      "",
    ].join("\r\n"),
  );
  const bytes = new Uint8Array(head.byteLength + body.byteLength);
  bytes.set(head);
  bytes.set(body, head.byteLength);
  return bytes;
}

/** Connects to a server. */
export async function connect({ url, socket }: Endpoint): Promise<Deno.Conn> {
  if (socket !== undefined) return await Deno.connect({ transport: "unix", path: socket });
  const { protocol, hostname: host, port } = new URL(url);
  const hostname = host.replace(/^\[|\]$/g, "");
  if (protocol === "https:") return await Deno.connectTls({ hostname, port: Number(port || 443) });
  const conn = await Deno.connect({ hostname, port: Number(port || 80) });
  // Otherwise a body in several packets could wait 40 ms for an acknowledgement.
  conn.setNoDelay(true);
  return conn;
}
