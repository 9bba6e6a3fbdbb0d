/** `POST /invocations`: bytes in, bytes out. The hot path. */

import { getLogger } from "@logtape/logtape";
import { freeLarge } from "../../memory.ts";
import type { Model } from "../../supervisor/mod.ts";
import { readBody } from "../body.ts";
import type { Connected, Executing } from "../executing.ts";
import { fieldsOf } from "../fields.ts";
import { metadataEncoder } from "../metadata.ts";
import type { Meter } from "../metrics.ts";
import { respondInParts, type Result, wholeOf } from "../parts.ts";
import { HttpProblem, problemFrom, problemOf } from "../problem.ts";
import { answerHeaders, contextOf, headersToPassOn, toText } from "../request_context.ts";
import { fetchInput, isUriList, parseUriList, postOutput } from "../uri_list.ts";

const log = getLogger(["aimodellib", "http"]);

/** What the route needs to know. */
export interface InvocationOptions {
  /** The longest body of a request, in bytes. */
  readonly maxBody: number;
  /** Hosts that a `text/uri-list` body may name; empty turns such bodies off. */
  readonly uriListHosts: readonly string[];
  /** Is told which requests are executed. */
  readonly executing: Executing;
}

/** Types assumed when a request does not say. */
const DEFAULT_CONTENT_TYPE = "application/octet-stream";
const DEFAULT_ACCEPT = "*/*";

/** Bytes of an answer from which it pays to make a stream rather than a copy. */
const LARGE_BODY = 64 * 1024;

/** Answers a request; never rejects. */
export type Invocations = (request: Request, connected: Connected) => Promise<Response>;

/** Makes the handler. @param meter counts its requests */
export function invocations(
  model: Model,
  { maxBody, uriListHosts, executing }: InvocationOptions,
  meter: Meter,
): Invocations {
  const encode = metadataEncoder();
  return async function invocations(request, connected) {
    const start = meter.begin();
    const { headers } = request;
    const fields = fieldsOf(headers);
    const contentType = fields.contentType ?? DEFAULT_CONTENT_TYPE;
    const accept = fields.accept ?? DEFAULT_ACCEPT;
    const about = contextOf(headers, fields);
    const context = toText(about);
    const gone = () => request.signal;
    let place = -1;
    let status = 200;
    try {
      const body = await readBody(request, maxBody, fields);
      place = executing.enter(connected);
      if (isUriList(contentType)) {
        const { input, output } = parseUriList(body, uriListHosts);
        const passedOn = headersToPassOn(about);
        const fetched = await fetchInput(input, maxBody, passedOn);
        const metadata = encode(fetched.contentType, accept);
        const result = await wholeOf(await model.invoke({ metadata, context, body: fetched.body, gone }));
        await postOutput(output, result.body, { ...passedOn, "content-type": result.contentType });
        return new Response(`Output written to '${output}'\n`, { headers: answerHeaders(about) });
      }
      const outcome = await model.invoke({ metadata: encode(contentType, accept), context, body, gone });
      if (outcome.kind === "result") return toResponse(outcome, answerHeaders(about));
      if (outcome.kind === "parts") return respondInParts(outcome, accept, answerHeaders(about));
      throw problemOf(outcome);
    } catch (error) {
      const problem = problemFrom(error).with(answerHeaders(about));
      status = problem.status;
      return problem.toResponse();
    } finally {
      if (place >= 0) executing.leave(place);
      meter.end(start, status);
    }
  };
}

function toResponse({ contentType, body }: Result, headers: Record<string, string>): Response {
  headers["content-type"] = contentType;
  try {
    if (body.length < LARGE_BODY) return new Response(body, { headers });
    headers["content-length"] = String(body.length);
    return new Response(oneChunk(body), { headers });
  } catch {
    const message = `serialize() returned '${contentType}', which can't be a Content-Type`;
    log.error("{message}", { message });
    throw new HttpProblem(500, message);
  }
}

/**
 * A stream of `bytes`, which are not copied: `new Response(bytes)` copies them. Their memory is free when they have been sent,
 * not when the collector comes.
 */
function oneChunk(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  let taken = false;
  return new ReadableStream({
    pull(controller) {
      if (taken) {
        // The server has its own hold on the memory of a chunk that it has taken, until that is sent.
        freeLarge(bytes);
        controller.close();
      } else {
        taken = true;
        controller.enqueue(bytes);
      }
    },
  }, { highWaterMark: 0 });
}
