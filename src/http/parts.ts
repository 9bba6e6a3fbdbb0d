/**
 * Sends answers in parts: as Server-Sent Events (WHATWG HTML, section 9.2) if the client accepts them, else as a streamed body. If the
 * script's parts are events already, they are streamed unchanged.
 *
 * The data of each event is a part. The event `end` follows the last part, or `error` with a problem (see `problem.ts`). After an error,
 * a streamed body is truncated, which tells the client that it is incomplete.
 */

import type { Failure, Outcome, PartStream } from "../supervisor/mod.ts";
import type { Recording } from "../tracing/types.ts";
import { type Answer, CLIENT_LEFT, type Ending } from "./h1/mod.ts";
import { type HttpProblem, problemOf } from "./problem.ts";

/** Whether a client accepts Server-Sent Events. */
export function takesEvents(accept: string): boolean {
  return accept.split(",").some((part) => /^\s*text\/event-stream\s*(;|$)/i.test(part));
}

/** Makes a streaming answer from the parts that a worker sends. @param recording is told why the answer ended early */
export function respondInParts(
  { contentType, parts }: Outcome & { kind: "parts" },
  accept: string,
  headers: Readonly<Record<string, string>>,
  recording?: Recording,
): Answer {
  const end = (ending: Ending, failure?: Failure) => {
    if (failure !== undefined) recording?.failed(failure);
    resolve(ending);
  };
  const { promise: ended, resolve } = Promise.withResolvers<Ending>();
  if (isEvents(contentType)) {
    const all = { ...headers, "content-type": contentType, ...EVENT_HEADERS };
    return { status: 200, headers: all, body: bodyOf(parts, end), ended };
  }
  if (!takesEvents(accept)) {
    return { status: 200, headers: { ...headers, "content-type": contentType }, body: bodyOf(parts, end), ended };
  }
  const all = { ...headers, "content-type": "text/event-stream", ...EVENT_HEADERS };
  return { status: 200, headers: all, body: bodyOf(parts, end, eventsOf(contentType)), ended };
}

/** Headers for event streams: no proxy may cache the events, or buffer them (nginx). */
export const EVENT_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-cache",
  "x-accel-buffering": "no",
};

/** Headers for streams of Server-Sent Events of the console. */
export const CONSOLE_EVENT_HEADERS: Readonly<Record<string, string>> = {
  ...EVENT_HEADERS,
  "content-type": "text/event-stream",
  "x-content-type-options": "nosniff",
};

/** Whether a content type is that of Server-Sent Events. */
export function isEvents(contentType: string): boolean {
  return /^text\/event-stream\s*(;|$)/i.test(contentType);
}

/** The outcome of a request that has a whole result. */
export type Result = Outcome & { kind: "result" };

/** Returns the whole result, joining its parts if it came in parts. @throws {HttpProblem} if the request failed */
export async function wholeOf(outcome: Outcome): Promise<Result> {
  if (outcome.kind === "result") return outcome;
  if (outcome.kind !== "parts") throw problemOf(outcome);
  const body = await gatherParts(outcome.parts);
  if (!(body instanceof Uint8Array)) throw problemOf(body);
  return { kind: "result", contentType: outcome.contentType, body };
}

/** Joins all parts, or returns the failure that ended them. */
export async function gatherParts(parts: PartStream): Promise<Uint8Array<ArrayBuffer> | Failure> {
  const all: Uint8Array<ArrayBuffer>[] = [];
  for (let part = await parts.next(); part !== undefined; part = await parts.next()) {
    if (!(part instanceof Uint8Array)) return part;
    all.push(part);
  }
  return await new Blob(all).bytes();
}

/** Formats parts, and the end of an answer. */
interface Writer {
  readonly part: (part: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>;
  readonly end: () => Uint8Array<ArrayBuffer>;
  readonly failure: (problem: HttpProblem) => Uint8Array<ArrayBuffer>;
}

/** @param onEnd is told how the answer ended; only its first call counts */
function bodyOf(
  parts: PartStream,
  onEnd: (ending: Ending, failure?: Failure) => void,
  writer?: Writer,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let sent = 0;
  const next = async () => {
    const part = await parts.next();
    if (part instanceof Uint8Array) sent++;
    return part;
  };
  return new ReadableStream({
    async pull(controller) {
      let part = await next();
      // An empty chunk would end a chunked body.
      while (writer === undefined && part instanceof Uint8Array && part.length === 0) part = await next();
      if (part instanceof Uint8Array) {
        controller.enqueue(writer?.part(part) ?? part);
        return;
      }
      const problem = part && problemOf(part);
      // If the client has left, cancel() has called it already.
      onEnd({ status: problem?.status ?? 200, parts: sent }, part);
      if (writer !== undefined) {
        controller.enqueue(problem === undefined ? writer.end() : writer.failure(problem));
      } else if (problem !== undefined) {
        controller.error(problem);
        return;
      }
      controller.close();
    },
    cancel() {
      parts.leave();
      onEnd({ status: CLIENT_LEFT, parts: sent });
    },
    // A mark of 0 means backpressure: a part is taken from the worker only when the client can receive it.
  }, { highWaterMark: 0 });
}

function eventsOf(contentType: string): Writer {
  const encoder = new TextEncoder();
  const isText = /^(text\/|application\/([^;]*\+)?json\b)/i.test(contentType);
  const toText = (part: Uint8Array<ArrayBuffer>) => isText ? new TextDecoder().decode(part) : part.toBase64();
  const event = (data: string, name?: string) =>
    encoder.encode(
      `${name === undefined ? "" : `event: ${name}\n`}${
        data.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`).join("")
      }\n`,
    );
  return {
    part: (part) => event(toText(part)),
    end: () => event("", "end"),
    failure: (problem) => event(JSON.stringify(problem.body), "error"),
  };
}
