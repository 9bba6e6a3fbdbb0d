/** Converts between requests and answers of `h1/` and those of the Fetch standard, which hono uses. */

import type { Answer, Incoming, Pieces } from "./h1/mod.ts";

/** The answer each Response was built from, so that its body can be sent without reading it back. */
const answers = new WeakMap<Response, Answer>();

const NO_URL = "http://localhost/";

/** Bodies at least this long, in bytes, are wrapped in a stream (rarely read) instead of copied. */
const LARGE_BODY = 64 * 1024;

/** Methods that Fetch leaves unchanged. It converts some others to upper case, and forbids some. */
const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]);

/**
 * Makes a Fetch request for hono from the method and the headers. It has no body. Its URL is a placeholder, since a URL would
 * normalize the target: hono takes the path from `c.env.head` instead (see `createApp()`).
 */
export function toRequest({ head }: Incoming): Request {
  const { method, fields } = head;
  const headers = new Headers();
  for (let i = 0; i < fields.length; i += 2) headers.append(fields[i]!, fields[i + 1]!);
  // No route has the method OTHER.
  return new Request(NO_URL, { method: METHODS.has(method) ? method : "OTHER", headers });
}

/** Makes a Fetch response from an answer. @throws {TypeError} if a header is invalid, which is a bug */
export function toResponse(answer: Answer): Response {
  const { status, headers, body } = answer;
  const large = body instanceof Uint8Array && body.length >= LARGE_BODY;
  const content = large ? oneChunk(body) : "next" in body ? streamOf(body) : body;
  const response = new Response(content, { status, headers });
  answers.set(response, answer);
  return response;
}

/** Makes an answer from a Fetch response. */
export async function toAnswer(response: Response): Promise<Answer> {
  const { status, headers } = response;
  const { body, lease } = answers.get(response) ?? { body: await response.bytes() };
  return { status, headers: Object.fromEntries(headers), body, lease };
}

function oneChunk(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(bytes);
      controller.close();
    },
  }, { highWaterMark: 0 });
}

function streamOf(body: Pieces): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    async pull(controller) {
      for (let empty = true; empty;) {
        const { pieces, last } = await body.next();
        for (const piece of pieces) if (piece.length > 0) controller.enqueue(piece);
        empty = !last && pieces.every(({ length }) => length === 0);
        if (!last) continue;
        body.sent();
        controller.close();
      }
    },
    cancel: () => body.cancel(),
  }, { highWaterMark: 0 });
}
