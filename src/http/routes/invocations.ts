/** `POST /invocations`: bytes in, bytes out. The hot path. */

import type { Context } from "hono";
import { getLogger } from "@logtape/logtape";
import type { Model } from "../../supervisor/mod.ts";
import { readBody } from "../body.ts";
import { metadataEncoder } from "../metadata.ts";
import { respondInParts, type Result, wholeOf } from "../parts.ts";
import { HttpProblem, problemOf } from "../problem.ts";
import { fetchInput, isUriList, parseUriList, postOutput } from "../uri_list.ts";

const log = getLogger(["aimodellib", "http"]);

/** What the route needs to know. */
export interface InvocationOptions {
  /** The longest body of a request, in bytes. */
  readonly maxBody: number;
  /** Hosts that a `text/uri-list` body may name; empty turns such bodies off. */
  readonly uriListHosts: readonly string[];
}

/** Types assumed when a request does not say. */
const DEFAULT_CONTENT_TYPE = "application/octet-stream";
const DEFAULT_ACCEPT = "*/*";

/** Bytes of an answer from which it pays to make a stream rather than a copy. */
const LARGE_BODY = 64 * 1024;

/** Makes the handler. */
export function invocations(model: Model, { maxBody, uriListHosts }: InvocationOptions) {
  const encode = metadataEncoder();
  return async function invocations(c: Context): Promise<Response> {
    const request = c.req.raw;
    const { headers } = request;
    const contentType = headers.get("content-type") ?? DEFAULT_CONTENT_TYPE;
    const accept = headers.get("accept") ?? DEFAULT_ACCEPT;
    const body = await readBody(request, maxBody);
    const gone = () => request.signal;
    if (isUriList(contentType)) {
      const { input, output } = parseUriList(body, uriListHosts);
      const fetched = await fetchInput(input, maxBody);
      const outcome = await model.invoke({ metadata: encode(fetched.contentType, accept), body: fetched.body, gone });
      const result = await wholeOf(outcome);
      await postOutput(output, result.body, result.contentType);
      return c.text(`Output written to '${output}'\n`);
    }
    const outcome = await model.invoke({ metadata: encode(contentType, accept), body, gone });
    if (outcome.kind === "result") return toResponse(outcome);
    if (outcome.kind === "parts") return respondInParts(outcome.contentType, outcome.parts, accept);
    throw problemOf(outcome);
  };
}

function toResponse({ contentType, body }: Result): Response {
  try {
    if (body.length < LARGE_BODY) return new Response(body, { headers: { "content-type": contentType } });
    return new Response(oneChunk(body), {
      headers: { "content-type": contentType, "content-length": String(body.length) },
    });
  } catch {
    const message = `serialize() returned '${contentType}', which can't be a Content-Type`;
    log.error("{message}", { message });
    throw new HttpProblem(500, message);
  }
}

/** A stream of `bytes`, which are not copied: `new Response(bytes)` copies them. */
function oneChunk(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(bytes);
      controller.close();
    },
  });
}
