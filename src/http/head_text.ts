/**
 * Writes the head of a request for a worker: a line `METHOD TARGET`, then a line `name:value` for each header, in UTF-8.
 *
 * The text is made from the result of `parseHead()`: a second parser could see other headers than the first.
 */

import type { Head } from "./h1/mod.ts";

const TEXT = Symbol("text");
/** A head that caches its text: a connection shares one Head object among equal requests. */
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
