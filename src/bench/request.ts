/** The request of a load test, as bytes. */

import { joined } from "../bytes.ts";
import { requestHead } from "../client/connection.ts";

const encoder = new TextEncoder();

/** The request that is repeated. */
export interface Target {
  /** `http:` or `https:`. */
  readonly url: URL;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly contentType: string;
  readonly accept?: string | undefined;
  /** A bearer token (RFC 6750). */
  readonly token?: string | undefined;
}

/** The whole request: head and body in one piece, so that one write sends it. */
export function requestBytes({ url, body, contentType, accept = "*/*", token }: Target): Uint8Array {
  const head = encoder.encode(requestHead(url, { contentType, accept, token, length: body.length }));
  return joined([head, body], head.length + body.length);
}
