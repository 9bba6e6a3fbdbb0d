/** Reading a request's body, with a limit. */

import { type Fields, fieldsOf } from "./fields.ts";
import { HttpProblem } from "./problem.ts";

type BodyFields = Pick<Fields, "contentLength" | "contentEncoding" | "transferEncoding">;

/**
 * All bytes of the body.
 *
 * @param maxBytes the most that is accepted
 * @param fields of its header, if they were read
 * @throws {HttpProblem} 413 if there are more, as soon as that is known; 400 if the client goes away in the middle, or says
 * the length in two ways
 */
export function readBody(
  source: Request | Response,
  maxBytes: number,
  fields: BodyFields = fieldsOf(source.headers),
): Promise<Uint8Array<ArrayBuffer>> {
  const { contentLength, contentEncoding, transferEncoding } = fields;
  // RFC 9112, section 6.3: one of the two may have been put there to hide a second request from a proxy, or a long body.
  if (contentLength !== null && transferEncoding !== null) {
    return Promise.reject(
      new HttpProblem(400, "There are both Content-Length and Transfer-Encoding", {}, { connection: "close" }),
    );
  }
  // What fetch has decompressed is longer than its length says.
  if (contentLength !== null && contentEncoding === null) {
    // No async function of our own: this is the way of nearly all requests.
    return Number(contentLength) > maxBytes
      ? Promise.reject(tooLarge(maxBytes))
      : source.bytes().catch(throwEndedEarly);
  }
  return collect(source, maxBytes);
}

async function collect(source: Request | Response, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  if (source.body === null) return new Uint8Array(0);
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  try {
    for await (const chunk of source.body) {
      length += chunk.length;
      if (length > maxBytes) throw tooLarge(maxBytes);
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof HttpProblem) throw cause;
    throwEndedEarly(cause);
  }
  if (chunks.length === 1) return chunks[0]!;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}

function tooLarge(maxBytes: number): HttpProblem {
  return new HttpProblem(413, `The body is larger than the limit of ${maxBytes} bytes (--max-body)`);
}

function throwEndedEarly(cause: unknown): never {
  throw new HttpProblem(400, `The body ended early: ${cause instanceof Error ? cause.message : cause}`);
}
