/** `POST /invocations`: bytes in, bytes out. The hot path. */

import { getLogger } from "@logtape/logtape";
import type { RequestMemory } from "../../bridge/mod.ts";
import type { Model } from "../../supervisor/mod.ts";
import { bodyOf } from "../content_encoding.ts";
import type { WriteProblem } from "../error_forms.ts";
import { fieldsOfHead } from "../fields.ts";
import { type Answer, CLIENT_LEFT, type Incoming, isHeaderValue } from "../h1/mod.ts";
import { headText } from "../head_text.ts";
import { askWhole } from "../ask_whole.ts";
import { metadataEncoders } from "../metadata.ts";
import type { Meter } from "../metrics.ts";
import { EVENT_HEADERS, isEvents, respondInParts } from "../parts.ts";
import { HttpProblem, problemFrom, problemOf } from "../problem.ts";
import { answerHeaders, contextOf, headersToPassOn, toText } from "../request_context.ts";
import { asksForTiming, Timing } from "../timing.ts";
import { fetchInput, isUriList, parseUriList, postOutput } from "../uri_list.ts";

const log = getLogger(["aimodellib", "http"]);

/** Options of the invocation route. */
export interface InvocationOptions {
  /** The longest body of a request, in bytes. */
  readonly maxBody: number;
  /** Hosts that a `text/uri-list` body may name; empty turns such bodies off. */
  readonly uriListHosts: readonly string[];
  /** Whether this server checks the header `Authorization` itself, and hides it from scripts. @default false */
  readonly ownsAuthorization?: boolean | undefined;
  /** Shared memory for large bodies. @default they are in memory of this process */
  readonly memory?: RequestMemory | undefined;
}

/** Types assumed when a request has no such header. */
const DEFAULT_CONTENT_TYPE = "application/octet-stream";
const DEFAULT_ACCEPT = "*/*";

/** Answers a request; never rejects. @param read the body, if it was read already */
export type Invocations = (request: Incoming, read?: Uint8Array<ArrayBuffer>) => Promise<Answer>;

/**
 * Makes the handler of a model's invocation route.
 *
 * @param meter counts its requests
 * @param write makes the answers to requests that fail
 */
export function invocations(
  model: Model,
  options: InvocationOptions,
  meter: Meter,
  write: WriteProblem = (problem) => problem.toAnswer(),
): Invocations {
  const { maxBody, uriListHosts, ownsAuthorization = false, memory } = options;
  const lend = memory && ((length: number) => memory.lend(length));
  const encoders = metadataEncoders();
  // Nearly all answers of a model have the same content type, so the last one that passed the check is cached.
  let lastType = "";
  let lastIsEvents = false;
  return async function invocations(request, read) {
    const start = meter.begin();
    const fields = fieldsOfHead(request.head);
    const contentType = fields.contentType ?? DEFAULT_CONTENT_TYPE;
    const accept = fields.accept ?? DEFAULT_ACCEPT;
    const { trace } = request;
    const about = contextOf(fields, trace);
    const head = () => headText(request.head, ownsAuthorization);
    let status = 200;
    let ended: Answer["ended"];
    let timing: Timing | undefined;
    let lent: Answer["lease"];
    try {
      const body = read ?? await bodyOf(request, fields.contentEncoding, maxBody, lend);
      if (fields.prefer !== null && asksForTiming(fields.prefer)) timing = new Timing();
      if (isUriList(contentType)) {
        const { input, output } = parseUriList(body, uriListHosts);
        const passedOn = headersToPassOn(about, trace);
        const fetched = await fetchInput(input, maxBody, passedOn, (bytes) => request.hold(bytes));
        const invocation = { head, body: fetched.body, client: request };
        const types = [fetched.contentType, accept] as const;
        const result = await askWhole(model, encoders, types, about, invocation, {
          recording: trace?.recording,
          timing,
        });
        await postOutput(output, result.body, { ...passedOn, "content-type": result.contentType });
        const written = new TextEncoder().encode(`Output written to '${output}'\n`);
        return {
          status,
          headers: { ...answerHeaders(about), ...timing?.headers(), "content-type": "text/plain;charset=UTF-8" },
          body: written,
        };
      }
      const asking = trace?.recording?.ask();
      const timed = timing !== undefined || asking !== undefined;
      let waitedMs = 0;
      const outcome = await model.invoke({
        metadata: timed ? encoders.timed(contentType, accept) : encoders.plain(contentType, accept),
        context: toText(about, asking?.traceparent),
        head,
        body,
        lease: request.lease,
        borrows: true,
        client: request,
        onDispatch: timed ? (ms) => waitedMs = ms : undefined,
      });
      request.endLease();
      if (outcome.kind === "result") lent = outcome.lease;
      asking?.end(outcome, waitedMs);
      timing?.add(outcome, waitedMs);
      if (outcome.kind === "result") {
        const headers = answerHeaders(about);
        if (timing !== undefined) Object.assign(headers, timing.headers());
        if (outcome.contentType !== lastType) {
          lastType = checked(outcome.contentType);
          lastIsEvents = isEvents(lastType);
        }
        headers["content-type"] = lastType;
        if (lastIsEvents) Object.assign(headers, EVENT_HEADERS);
        return lent === undefined
          ? { status, headers, body: outcome.body }
          : { status, headers, body: outcome.body, lease: lent };
      }
      if (outcome.kind !== "parts") throw problemOf(outcome);
      checked(outcome.contentType);
      const headers = { ...answerHeaders(about), ...timing?.headers() };
      const answer = respondInParts(outcome, accept, headers, trace?.recording);
      ended = answer.ended;
      return answer;
    } catch (error) {
      lent?.release();
      const problem = problemFrom(error).with({ ...answerHeaders(about), ...timing?.headers() });
      status = problem.status;
      return write(problem);
    } finally {
      if (ended === undefined) meter.end(start, request.left ? CLIENT_LEFT : status);
      else void ended.then(({ status }) => meter.end(start, status));
    }
  };
}

/** A script's content type. @throws {HttpProblem} 500 if it can't be one */
function checked(contentType: string): string {
  if (isHeaderValue(contentType)) return contentType;
  const message = `serialize() returned '${contentType}', which can't be a Content-Type`;
  log.error("{message}", { message });
  throw new HttpProblem(500, message);
}
