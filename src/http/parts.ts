/**
 * Sends answers in parts: as Server-Sent Events (WHATWG HTML, section 9.2) if the client accepts them, else as a streamed body. If the
 * script's parts are events already, they are streamed unchanged.
 *
 * The data of each event is a part. The event `end` follows the last part, or `error` with a problem (see `problem.ts`). After an error,
 * a streamed body is truncated, which tells the client that it is incomplete.
 */

import type { Failure, Outcome, PartStream, Taken } from "../supervisor/mod.ts";
import type { Recording } from "../tracing/types.ts";
import { type Answer, CLIENT_LEFT, type Ending, type Pieces, type PiecesReady } from "./h1/mod.ts";
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
  for (let taken = await parts.take(); taken !== undefined; taken = await parts.take()) {
    if ("kind" in taken) return taken;
    all.push(...taken);
  }
  return await new Blob(all).bytes();
}

/** Formats parts, and the end of an answer. */
interface Writer {
  /** Adds a part to the pieces that are sent. */
  readonly part: (part: Uint8Array<ArrayBuffer>, pieces: Uint8Array<ArrayBuffer>[]) => void;
  readonly end: () => Uint8Array<ArrayBuffer>;
  readonly failure: (problem: HttpProblem) => Uint8Array<ArrayBuffer>;
}

/**
 * Makes the body of an answer: parts that are ready together are sent together. A part is taken from the worker only when the pieces
 * before it were sent.
 *
 * @param onEnd is told how the answer ended; only its first call counts
 */
function bodyOf(parts: PartStream, onEnd: (ending: Ending, failure?: Failure) => void, writer?: Writer): Pieces {
  let sent = 0;
  let left = false;
  const piecesOf = (taken: Taken): PiecesReady => {
    if (left) return { pieces: [], last: true };
    if (taken !== undefined && !("kind" in taken)) {
      sent += taken.length;
      const last = parts.finished;
      if (writer === undefined) return { pieces: taken, last };
      const pieces: Uint8Array<ArrayBuffer>[] = [];
      for (const part of taken) writer.part(part, pieces);
      if (last) pieces.push(writer.end());
      return { pieces, last };
    }
    const problem = taken && problemOf(taken);
    if (problem !== undefined) onEnd({ status: problem.status, parts: sent }, taken);
    if (writer !== undefined) {
      return { pieces: [problem === undefined ? writer.end() : writer.failure(problem)], last: true };
    }
    if (problem !== undefined) throw problem;
    return { pieces: [], last: true };
  };
  return {
    next() {
      const taken = parts.take();
      return taken instanceof Promise ? taken.then(piecesOf) : piecesOf(taken);
    },
    sent: () => onEnd({ status: 200, parts: sent }),
    cancel() {
      left = true;
      parts.leave();
      onEnd({ status: CLIENT_LEFT, parts: sent });
    },
  };
}

const encoder = new TextEncoder();
// U+FEFF at the beginning of a part belongs to it.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const DATA = encoder.encode("data: ");
const EMPTY_LINE = encoder.encode("\n\n");
const CR = 0x0d;
const LF = 0x0a;

function eventsOf(contentType: string): Writer {
  const isText = /^(text\/|application\/([^;]*\+)?json\b)/i.test(contentType);
  const event = (data: string, name?: string) =>
    encoder.encode(
      `${name === undefined ? "" : `event: ${name}\n`}${
        data.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`).join("")
      }\n`,
    );
  return {
    part: (part, pieces) => {
      if (!isText) pieces.push(event(part.toBase64()));
      else if (isAsciiLine(part)) pieces.push(DATA, part, EMPTY_LINE);
      else pieces.push(event(decoder.decode(part)));
    },
    end: () => event("", "end"),
    failure: (problem) => event(JSON.stringify(problem.body), "error"),
  };
}

/** Whether bytes are ASCII characters without line breaks, as most tokens are: they are sent as they are. */
function isAsciiLine(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte > 0x7f || byte === LF || byte === CR) return false;
  }
  return true;
}
