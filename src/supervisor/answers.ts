/** Parses the frames of workers. */

import { startsWith } from "../bytes.ts";
import { ProtocolError, ScriptError } from "../errors.ts";
import { type Frame, Kind, parseMetadata } from "../bridge/mod.ts";
import { timesAfter, withoutTimes } from "./answer_times.ts";
import type { WorkerError } from "./failure.ts";
import type { Outcome } from "./job.ts";
import type { LoadFailure } from "./script_failure.ts";
import { PartStream } from "./part_stream.ts";

/** The largest number of concurrent requests that a worker may ask for. */
const MAX_WINDOW = 4096;

const NOTHING = new Uint8Array(0);

const DEFAULT_CONTENT_TYPE = "application/octet-stream";

/** How a worker takes requests, as its READY frame states it. */
export interface Manner {
  /** The number of requests that it takes at once; undefined if that follows the measured service time. */
  readonly window: number | undefined;
  /** Whether it executes requests one after the other, in the order of their dispatch. */
  readonly sequential: boolean;
  /** Whether it executes several requests at once, which can end in any order. */
  readonly concurrent: boolean;
  /** Whether the script can ask about the request that it executes. */
  readonly takesHead: boolean;
  /** The script's description of its tensors, as JSON; undefined if it has none. */
  readonly signature: unknown;
  /** The parts of OpenAI's API that the script offers, such as `embeddings`. */
  readonly openAi: readonly string[];
  /** Whether it has mapped the shared memory that START named. */
  readonly memory: boolean;
}

/** Parses a READY frame. @throws {ProtocolError} if it can't be parsed, or the worker asks for too many requests */
export function mannerIn({ metadata }: Frame): Manner {
  const { window, concurrent, signature, head, openai, memory } = parseMetadata(metadata);
  const sequential = window === undefined;
  if (!sequential && (!Number.isInteger(window) || Number(window) < 1 || Number(window) > MAX_WINDOW)) {
    throw new ProtocolError(`A worker can't take ${window} requests at once`);
  }
  return {
    window: sequential ? undefined : Number(window),
    sequential,
    concurrent: !sequential && concurrent === true,
    takesHead: head === true,
    signature,
    openAi: Array.isArray(openai) ? openai.map(String) : [],
    memory: memory === true,
  };
}

/** Parses the answers of one worker. It parses metadata only when it differs from the last answer's, which is rare. */
export class AnswerReader {
  /** The last metadata. `FrameDecoder` gives equal metadata as the same array, so comparing references is enough. */
  #lastMetadata = new Uint8Array(0);
  /** The last metadata that was parsed, without its times: answers that are equal but for their times come between those without. */
  #plain = new Uint8Array(0);
  #lastContentType = DEFAULT_CONTENT_TYPE;
  #lastParts: unknown;
  #lastTimes: readonly number[] | undefined;

  /** The outcome of a request for which no PART frame arrived. @throws {ProtocolError} if the answer can't be parsed, or parts are missing */
  outcome(frame: Frame): Outcome {
    if (frame.kind === Kind.Error) return { kind: "error", error: errorIn(frame) };
    const contentType = this.contentType(frame);
    if (this.#lastParts === undefined) {
      return { kind: "result", contentType, body: frame.body, lease: undefined, times: this.#lastTimes };
    }
    this.checkParts(frame, 0);
    const parts = new PartStream({ onTaken: () => {}, onGone: () => {} });
    parts.end();
    return { kind: "parts", contentType, parts };
  }

  /** The content type of an answer. @throws {ProtocolError} if the metadata can't be parsed */
  contentType({ metadata }: Frame): string {
    if (metadata !== this.#lastMetadata) {
      const plain = this.#plain;
      // Empty metadata has no content type of its own, and equals an unknown `plain`.
      if (metadata.length > 0 && metadata.length === plain.length && startsWith(metadata, 0, metadata.length, plain)) {
        this.#lastTimes = undefined;
      } else {
        this.#lastTimes = timesAfter(plain, metadata);
        if (this.#lastTimes === undefined) this.#parse(metadata);
      }
      this.#lastMetadata = metadata;
    }
    return this.#lastContentType;
  }

  #parse(metadata: Uint8Array<ArrayBuffer>): void {
    const { content_type, parts, times } = parseMetadata(metadata);
    this.#lastContentType = String(content_type ?? DEFAULT_CONTENT_TYPE);
    this.#lastParts = parts;
    this.#lastTimes = Array.isArray(times) ? times.map(Number) : undefined;
    this.#plain = times === undefined ? metadata : withoutTimes(metadata) ?? NOTHING;
  }

  /** Checks the number of parts received against the final RESULT. @throws {ProtocolError} if they differ, or it can't be parsed */
  checkParts(result: Frame, came: number): void {
    this.contentType(result);
    if (this.#lastParts !== came) {
      throw new ProtocolError(`An answer announced ${this.#lastParts ?? "no"} parts, but ${came} arrived`);
    }
  }
}

/**
 * Whether an answer from the ledger may be delivered before it arrives through the socket. An answer in parts may not, since its parts
 * are still on their way. One that can't be parsed may not either: the reader of the socket reports it.
 */
export function canComeEarly(answer: Frame): boolean {
  try {
    const { parts, reason } = parseMetadata(answer.metadata);
    return parts === undefined && reason !== "recalled";
  } catch {
    return false;
  }
}

/** Parses an ERROR frame. @throws {ProtocolError} if it can't be parsed */
export function errorIn({ metadata }: Frame): WorkerError {
  return parseMetadata(metadata) as unknown as WorkerError;
}

/** The traceback in an ERROR or FAILED frame; empty if there is none. */
export function tracebackIn({ body }: Frame): string {
  return new TextDecoder().decode(body);
}

/** Returns the error of an answer that says that its request was recalled before the worker began it; undefined for other answers. */
export function recallIn(frame: Frame): WorkerError | undefined {
  if (frame.kind !== Kind.Error) return undefined;
  try {
    const error = errorIn(frame);
    return error.reason === "recalled" ? error : undefined;
  } catch {
    // Whoever parses the answer reports this error.
    return undefined;
  }
}

/** Parses a FAILED frame. @throws {ProtocolError} if it can't be parsed */
export function loadFailureIn({ metadata }: Frame): LoadFailure {
  const { stage, type, message } = parseMetadata(metadata);
  return { reason: "load", stage: String(stage), type: String(type), message: String(message) };
}

/** Makes the error that tells the user why a script can't be loaded. */
export function loadErrorOf({ stage, type, message }: LoadFailure): ScriptError {
  const where = stage === "load" ? "load()" : "the script";
  return new ScriptError(type === "ScriptError" ? message : `${where} raised ${type}: ${message}`);
}
