/** `Content-Encoding` of requests: RFC 9110, sections 8.4 and 15.5.16. */

import { freeLarge } from "../memory.ts";
import type { Incoming } from "./h1/mod.ts";
import type { Coding } from "./inflate.ts";
import { HttpProblem } from "./problem.ts";

/** Codings that one body may have: each is work, and nobody needs several. */
const MAX_CODINGS = 2;

/**
 * How many times as long as the body that was sent a decoded one may be, from some length on: deflate makes a thousandth of zeros, and
 * a client that sends 100 KB is not to have 100 MB made of them. Text, and JSON, is mostly a third to a twentieth.
 */
const MAX_RATIO = 200;
const FREE_BYTES = 4 * 1024 * 1024;

/** By the names that they have in requests. */
const CODINGS: ReadonlyMap<string, Coding> = new Map([["gzip", "gzip"], ["x-gzip", "gzip"], ["deflate", "deflate"]]);

/**
 * All of a request's body, decoded.
 *
 * @param contentEncoding the header's value; null if there is none
 * @param maxBytes the most that is accepted, as it is sent and decoded
 * @throws {HttpProblem} 415 if the body has another coding, before anything of it is read; 413 if it is too large, or decodes to
 * more than 4 MiB and 200 times what was sent; 400 if it is damaged
 */
export function bodyOf(
  request: Incoming,
  contentEncoding: string | null,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  // Nearly all requests have none: no async function for them.
  return contentEncoding === null ? request.body(maxBytes) : decodedBody(request, contentEncoding, maxBytes);
}

async function decodedBody(
  request: Incoming,
  contentEncoding: string,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const codings = codingsOf(contentEncoding);
  let body = await request.body(maxBytes);
  // Some clients say how they would compress, and have nothing to send.
  if (codings.length === 0 || body.length === 0) return body;
  const { inflate } = await import("./inflate.ts");
  const expanded = Math.max(FREE_BYTES, body.length * MAX_RATIO);
  const most = Math.min(maxBytes, expanded);
  const limit = most < maxBytes
    ? `4 MiB, or ${MAX_RATIO} times what was sent: send it without Content-Encoding`
    : "--max-body";
  for (const coding of codings.reverse()) {
    const decoded = await inflate(body, coding, most, limit, (bytes) => request.hold(bytes));
    freeLarge(body);
    body = decoded;
  }
  return body;
}

/** The codings of a body, in the order in which they were applied. @throws {HttpProblem} 415 if one can't be decoded, or they are too many */
function codingsOf(contentEncoding: string): Coding[] {
  const names = contentEncoding.split(",").map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "" && name !== "identity");
  const codings = names.map((name) => CODINGS.get(name));
  const unknown = names[codings.indexOf(undefined)];
  if (unknown !== undefined) throw unsupported(`A body of Content-Encoding '${unknown}' can't be read`);
  if (codings.length > MAX_CODINGS) {
    throw unsupported(`A body with ${codings.length} content codings is not read: at most ${MAX_CODINGS} are`);
  }
  return codings as Coding[];
}

function unsupported(what: string): HttpProblem {
  return new HttpProblem(415, `${what}: send gzip, deflate or none`, {}, { "accept-encoding": "gzip, deflate" });
}
