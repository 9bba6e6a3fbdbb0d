/**
 * The head of a request as a script's worker is told it: `METHOD TARGET`, then `name:value` for each header, a line each, in UTF-8.
 *
 * It is made of what `parseHead()` has read, so that no second parser sees other headers than the first.
 */

import type { Head } from "./h1/mod.ts";

const TEXT = Symbol("text");
/** Kept on the head: a connection has one for all requests that say the same. */
type KeptHead = Head & { [TEXT]?: Uint8Array<ArrayBuffer> };

const encoder = new TextEncoder();

/**
 * Returns a request's head as the lines that a script's `logger.request` is parsed from.
 *
 * @param hideAuthorization whether to leave out the header `Authorization`; the same for all requests of a server
 */
export function headText(head: KeptHead, hideAuthorization: boolean): Uint8Array<ArrayBuffer> {
  return head[TEXT] ??= encoder.encode(format(head, hideAuthorization));
}

function format({ method, target, fields }: Head, hideAuthorization: boolean): string {
  let text = `${method} ${target}`;
  for (let i = 0; i < fields.length; i += 2) {
    if (hideAuthorization && fields[i] === "authorization") continue;
    text += `\n${fields[i]}:${fields[i + 1]}`;
  }
  return text;
}
