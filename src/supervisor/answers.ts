/** What a worker's answers say. */

import { ScriptError } from "../errors.ts";
import { type Frame, Kind, parseMetadata } from "../bridge/mod.ts";
import type { Outcome, WorkerError } from "./job.ts";
import { PartStream } from "./part_stream.ts";

const DEFAULT_CONTENT_TYPE = "application/octet-stream";

/** Reads the answers of one worker. Their metadata is nearly always the same as last time: then there is nothing to parse. */
export class AnswerReader {
  /** Frames with the same metadata share it (`FrameDecoder`). */
  #lastMetadata = new Uint8Array(0);
  #lastContentType = DEFAULT_CONTENT_TYPE;
  #lastInParts = false;

  /** @throws {ProtocolError} if it can't be read */
  outcome(frame: Frame): Outcome {
    if (frame.kind === Kind.Error) return { kind: "error", error: errorIn(frame) };
    const contentType = this.contentType(frame);
    if (!this.#lastInParts) return { kind: "result", contentType, body: frame.body };
    // Without a single one.
    const parts = new PartStream({ onTaken: () => {}, onGone: () => {} });
    parts.end();
    return { kind: "parts", contentType, parts };
  }

  /** @throws {ProtocolError} if it can't be read */
  contentType({ metadata }: Frame): string {
    if (metadata !== this.#lastMetadata) {
      const { content_type, parts } = parseMetadata(metadata);
      this.#lastContentType = String(content_type ?? DEFAULT_CONTENT_TYPE);
      this.#lastInParts = parts !== undefined;
      this.#lastMetadata = metadata;
    }
    return this.#lastContentType;
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
export function loadErrorIn({ metadata }: Frame): ScriptError {
  const { stage, type, message } = parseMetadata(metadata);
  const where = stage === "load" ? "load()" : "the script";
  return new ScriptError(type === "ScriptError" ? String(message) : `${where} raised ${type}: ${message}`);
}
