/** Decodes the `Content-Encoding` of requests: RFC 9110, sections 8.4 and 15.5.16. */

import { freeLarge } from "../memory.ts";
import type { Incoming, Lend } from "./h1/mod.ts";
import type { Coding } from "./inflate.ts";
import { HttpProblem } from "./problem.ts";

/** The most codings that one body may have: each costs work, and nobody needs several. */
const MAX_CODINGS = 2;

/**
 * The largest ratio of decoded to sent length for bodies that decode to more than FREE_BYTES. Deflate shrinks zeros to a thousandth,
 * and 100 KB from a client must not become 100 MB. Text and JSON usually shrink to between a third and a twentieth.
 */
const MAX_RATIO = 200;
const FREE_BYTES = 4 * 1024 * 1024;

/** The codings by their names in requests. */
const CODINGS: ReadonlyMap<string, Coding> = new Map([["gzip", "gzip"], ["x-gzip", "gzip"], ["deflate", "deflate"]]);

/**
 * Reads and decodes the whole body of a request.
 *
 * @param contentEncoding the value of the header; null if it is absent
 * @param maxBytes the longest body that is accepted, both as sent and decoded
 * @param lend lends memory for a body without a coding
 * @throws {HttpProblem} 415 for an unknown coding, before the body is read; 413 if the body is too large, or decodes to more than
 * 4 MiB and more than 200 times the length sent; 400 if it is malformed
 */
export function bodyOf(
  request: Incoming,
  contentEncoding: string | null,
  maxBytes: number,
  lend?: Lend,
): Promise<Uint8Array<ArrayBuffer>> {
  // Nearly all bodies have no coding; an async function would cost each of them time.
  return contentEncoding === null ? request.body(maxBytes, lend) : decodedBody(request, contentEncoding, maxBytes);
}

async function decodedBody(
  request: Incoming,
  contentEncoding: string,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const codings = codingsOf(contentEncoding);
  let body = await request.body(maxBytes);
  // Some clients send the header with an empty body.
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

/** Returns the codings of a body, in the order in which they were applied. @throws {HttpProblem} 415 for an unknown coding, or for too many */
function codingsOf(contentEncoding: string): Coding[] {
  const names = contentEncoding.split(",").map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "" && name !== "identity");
  const codings = names.map((name) => CODINGS.get(name));
  const unknown = names[codings.indexOf(undefined)];
  if (unknown !== undefined) throw unsupported(`A body of Content-Encoding '${unknown}' can't be read`);
  if (codings.length > MAX_CODINGS) {
    throw unsupported(`A body can have at most ${MAX_CODINGS} content codings, not ${codings.length}`);
  }
  return codings as Coding[];
}

function unsupported(what: string): HttpProblem {
  return new HttpProblem(415, `${what}: send gzip, deflate or none`, {}, { "accept-encoding": "gzip, deflate" });
}
