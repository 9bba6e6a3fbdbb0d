/** Between the connection's requests and answers and those of the Fetch standard, which hono speaks. */

import type { Answer, Incoming } from "./h1/mod.ts";
import { HttpProblem } from "./problem.ts";

/** What a Response was made of, so that its body need not be read out of it again. */
const bodies = new WeakMap<Response, Answer["body"]>();

/** Bytes of a body from which it pays to make a stream, which is hardly ever read, rather than a copy. */
const LARGE_BODY = 64 * 1024;

/**
 * The request as one of Fetch, without its body: who needs that takes it from `c.env`.
 *
 * @throws {HttpProblem} 400 if there can't be such a one
 */
export function toRequest({ head }: Incoming): Request {
  const { method, host, target, fields } = head;
  const path = target === "*" ? "/*" : target;
  const url = URL.parse(`http://${host || "localhost"}${path}`) ?? URL.parse(`http://localhost${path}`);
  if (url === null) throw new HttpProblem(400, `'${target}' is not a path`);
  const headers = new Headers();
  for (let i = 0; i < fields.length; i += 2) headers.append(fields[i]!, fields[i + 1]!);
  try {
    return new Request(url, { method, headers });
  } catch {
    // TRACE and its like, which Fetch forbids. No route answers to it.
    return new Request(url, { method: "FORBIDDEN", headers });
  }
}

/** The answer as a response of Fetch; a header that can't be is a mistake of ours. */
export function toResponse({ status, headers, body }: Answer): Response {
  const large = body instanceof Uint8Array && body.length >= LARGE_BODY;
  const response = new Response(large ? oneChunk(body) : body, { status, headers });
  bodies.set(response, body);
  return response;
}

/** The answer that a response is. */
export async function toAnswer(response: Response): Promise<Answer> {
  const { status, headers } = response;
  return { status, headers: Object.fromEntries(headers), body: bodies.get(response) ?? await response.bytes() };
}

function oneChunk(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(bytes);
      controller.close();
    },
  }, { highWaterMark: 0 });
}
