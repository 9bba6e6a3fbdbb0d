/** What a worker's answers say. */

import { ProtocolError, ScriptError } from "../errors.ts";
import { type Frame, Kind, parseMetadata } from "../bridge/mod.ts";
import type { WorkerError } from "./failure.ts";
import type { Outcome } from "./job.ts";
import type { LoadFailure } from "./script_failure.ts";
import { PartStream } from "./part_stream.ts";

const DEFAULT_CONTENT_TYPE = "application/octet-stream";

/** Reads the answers of one worker. Their metadata is nearly always the same as last time: then there is nothing to parse. */
export class AnswerReader {
  /** Frames with the same metadata share it (`FrameDecoder`). */
  #lastMetadata = new Uint8Array(0);
  #lastContentType = DEFAULT_CONTENT_TYPE;
  #lastParts: unknown;

  /** What becomes of a request of whose answer no parts came. @throws {ProtocolError} if it can't be read, or some are missing */
  outcome(frame: Frame): Outcome {
    if (frame.kind === Kind.Error) return { kind: "error", error: errorIn(frame) };
    const contentType = this.contentType(frame);
    if (this.#lastParts === undefined) return { kind: "result", contentType, body: frame.body };
    this.checkParts(frame, 0);
    const parts = new PartStream({ onTaken: () => {}, onGone: () => {} });
    parts.end();
    return { kind: "parts", contentType, parts };
  }

  /** @throws {ProtocolError} if it can't be read */
  contentType({ metadata }: Frame): string {
    if (metadata !== this.#lastMetadata) {
      const { content_type, parts } = parseMetadata(metadata);
      this.#lastContentType = String(content_type ?? DEFAULT_CONTENT_TYPE);
      this.#lastParts = parts;
      this.#lastMetadata = metadata;
    }
    return this.#lastContentType;
  }

  /** Checks that as many parts came as the RESULT behind them says. @throws {ProtocolError} if not, or it can't be read */
  checkParts(result: Frame, came: number): void {
    this.contentType(result);
    if (this.#lastParts !== came) {
      throw new ProtocolError(`An answer of ${this.#lastParts ?? "no"} parts, of which ${came} came`);
    }
  }
}

/**
 * Whether an answer can be given before it comes through the socket: it is whole, where that of parts follows those on their way.
 * One that can't be read is left to who reads the socket.
 */
export function canComeEarly(answer: Frame): boolean {
  try {
    const { parts, reason } = parseMetadata(answer.metadata);
    return parts === undefined && reason !== "recalled";
  } catch {
    return false;
  }
}

/** What an ERROR frame says. @throws {ProtocolError} if it can't be read */
export function errorIn({ metadata }: Frame): WorkerError {
  return parseMetadata(metadata) as unknown as WorkerError;
}

/** Whether an answer says that its request was not begun, since it was recalled. */
export function isRecalled(frame: Frame): boolean {
  if (frame.kind !== Kind.Error) return false;
  try {
    return errorIn(frame).reason === "recalled";
  } catch {
    // What can't be read is the matter of who reads it.
    return false;
  }
}

/** What a FAILED frame says. @throws {ProtocolError} if it can't be read */
export function loadFailureIn({ metadata }: Frame): LoadFailure {
  const { stage, type, message } = parseMetadata(metadata);
  return { reason: "load", stage: String(stage), type: String(type), message: String(message) };
}

/** Why a script can't be loaded, for the user. */
export function loadErrorOf({ stage, type, message }: LoadFailure): ScriptError {
  const where = stage === "load" ? "load()" : "the script";
  return new ScriptError(type === "ScriptError" ? message : `${where} raised ${type}: ${message}`);
}
