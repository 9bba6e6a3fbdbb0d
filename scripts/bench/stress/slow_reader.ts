/** A client that reads its answer slowly, on a connection of its own. */

import { concat } from "./exercise.ts";

/** The size of one read, in bytes, and the longest pause before it, in ms. */
const READ_BYTES = 64 * 1024;
const LONGEST_PAUSE = 8;

/** An answer, as far as it arrived. */
export interface Read {
  readonly status: number;
  readonly body: Uint8Array<ArrayBuffer>;
  /** Whether the whole answer arrived. */
  readonly whole: boolean;
}

/**
 * Posts `body`, and reads the answer in small pieces with pauses.
 *
 * @throws {Error} if no answer arrives
 */
export async function readSlowly(url: URL, body: Uint8Array<ArrayBuffer>): Promise<Read> {
  using connection = await Deno.connect({ hostname: url.hostname, port: Number(url.port) });
  const head =
    `POST ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`;
  const request = concat([new TextEncoder().encode(head), body]);
  for (let sent = 0; sent < request.length;) sent += await connection.write(request.subarray(sent));
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  while (true) {
    const piece = new Uint8Array(READ_BYTES);
    // Treat a reset like an end: the received bytes show whether the answer was complete.
    const count = await connection.read(piece).catch(() => null);
    if (count === null) break;
    pieces.push(piece.subarray(0, count));
    await new Promise((resolve) => setTimeout(resolve, Math.random() * LONGEST_PAUSE));
  }
  return parse(concat(pieces));
}

/** @throws {Error} if the bytes are not an HTTP response */
function parse(bytes: Uint8Array<ArrayBuffer>): Read {
  const headEnd = find(bytes, "\r\n\r\n", 0);
  const head = new TextDecoder().decode(bytes.subarray(0, Math.max(headEnd, 0)));
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1];
  if (status === undefined) throw new Error(`No answer, but ${bytes.length} bytes`);
  const rest = bytes.subarray(headEnd + 4);
  const length = /^content-length: (\d+)$/im.exec(head)?.[1];
  if (length !== undefined) return { status: Number(status), body: rest, whole: rest.length === Number(length) };
  return { status: Number(status), ...unchunk(rest) };
}

/** Decodes a chunked body (RFC 9112, section 7.1). */
function unchunk(bytes: Uint8Array<ArrayBuffer>): Pick<Read, "body" | "whole"> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let whole = false;
  for (let at = 0; !whole;) {
    const lineEnd = find(bytes, "\r\n", at);
    if (lineEnd < 0) break;
    const size = parseInt(new TextDecoder().decode(bytes.subarray(at, lineEnd)), 16);
    const chunk = bytes.subarray(lineEnd + 2, lineEnd + 2 + size);
    chunks.push(chunk);
    if (chunk.length < size) break;
    whole = size === 0;
    at = lineEnd + 2 + size + 2;
  }
  return { body: concat(chunks), whole };
}

/** Finds `text` in `bytes`, from `start` on; -1 if it is absent. */
function find(bytes: Uint8Array, text: string, start: number): number {
  const wanted = [...text].map((char) => char.charCodeAt(0));
  for (let i = start; i <= bytes.length - wanted.length; i++) {
    if (wanted.every((byte, j) => bytes[i + j] === byte)) return i;
  }
  return -1;
}
