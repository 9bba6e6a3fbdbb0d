/** Between the connection's requests and answers and those of the Fetch standard, which hono speaks. */

import type { Answer, Incoming } from "./h1/mod.ts";

/** What a Response was made of, so that its body need not be read out of it again. */
const answers = new WeakMap<Response, Answer>();

const NO_URL = "http://localhost/";

/** Bytes of a body from which it pays to make a stream, which is hardly ever read, rather than a copy. */
const LARGE_BODY = 64 * 1024;

/** Methods that Fetch takes as they are. It writes some of the others in upper case, and forbids some. */
const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]);

/**
 * The request as one of Fetch, for hono: its method and its headers. It has no body, and its URL says nothing, since a URL would read
 * the target in a way of its own: what is asked for is in `c.env.head`, where `createApp()` has hono look.
 */
export function toRequest({ head }: Incoming): Request {
  const { method, fields } = head;
  const headers = new Headers();
  for (let i = 0; i < fields.length; i += 2) headers.append(fields[i]!, fields[i + 1]!);
  // No route answers to it.
  return new Request(NO_URL, { method: METHODS.has(method) ? method : "OTHER", headers });
}

/** The answer as a response of Fetch; a header that can't be is a mistake of ours. */
export function toResponse(answer: Answer): Response {
  const { status, headers, body } = answer;
  const large = body instanceof Uint8Array && body.length >= LARGE_BODY;
  const response = new Response(large ? oneChunk(body) : body, { status, headers });
  answers.set(response, answer);
  return response;
}

/** The answer that a response is. */
export async function toAnswer(response: Response): Promise<Answer> {
  const { status, headers } = response;
  return { status, headers: Object.fromEntries(headers), body: answers.get(response)?.body ?? await response.bytes() };
}

function oneChunk(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(bytes);
      controller.close();
    },
  }, { highWaterMark: 0 });
}
