/**
 * Frames: the unit of the protocol between the supervisor and a Python process.
 *
 * A frame is a fixed header, metadata (a UTF-8 JSON object) and a body (raw bytes):
 *
 *     body length u32 | request id u32 | kind u8 | flags u8 | metadata length u16    little-endian
 *
 * `docs/protocol.md` defines the kinds, who sends them, and what their metadata holds.
 */

import { ProtocolError } from "../errors.ts";

/** Sent in HELLO and START; each side refuses another number. */
export const PROTOCOL_VERSION = 1;

/** What a frame says. */
export const Kind = {
  /** Worker: here I am. */
  Hello: 1,
  /** Supervisor: what to do. */
  Start: 2,
  /** Worker: the script, and the model, are loaded. */
  Ready: 3,
  /** Worker: the script or the model could not be loaded, or training raised. */
  Failed: 4,
  /** Supervisor: a request. */
  Invoke: 5,
  /** Worker: a request's answer. */
  Result: 6,
  /** Worker: a request has no answer, and why. */
  Error: 7,
  /** Supervisor: end yourself. */
  Stop: 8,
  /** Worker: training came to its end. */
  Done: 9,
} as const;

/** One of the numbers of {@linkcode Kind}. */
export type Kind = (typeof Kind)[keyof typeof Kind];

const LAST_KIND = Kind.Done;

/** Bytes of the fixed header. */
export const HEADER_BYTES = 12;

/** The most that the header's u16 can say. */
export const MAX_METADATA_BYTES = 0xffff;

/** One frame. */
export interface Frame {
  readonly kind: Kind;
  /** 0 for a frame that belongs to no request. */
  readonly id: number;
  /** UTF-8 JSON, or empty. */
  readonly metadata: Uint8Array<ArrayBuffer>;
  readonly body: Uint8Array<ArrayBuffer>;
}

const NOTHING = new Uint8Array(0);
const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Writes header and metadata of a frame into `target` at `offset`; the body is sent after them.
 *
 * @returns the offset behind them
 * @throws {RangeError} if they do not fit, or the metadata is longer than {@linkcode MAX_METADATA_BYTES}
 */
export function writeHead(
  target: DataView<ArrayBuffer>,
  offset: number,
  kind: Kind,
  id: number,
  metadata: Uint8Array,
  bodyLength: number,
): number {
  if (metadata.length > MAX_METADATA_BYTES) {
    throw new RangeError(
      `Metadata of ${metadata.length} bytes is over the limit of ${MAX_METADATA_BYTES}`,
    );
  }
  target.setUint32(offset, bodyLength, true);
  target.setUint32(offset + 4, id, true);
  target.setUint8(offset + 8, kind);
  target.setUint8(offset + 9, 0);
  target.setUint16(offset + 10, metadata.length, true);
  new Uint8Array(target.buffer, target.byteOffset).set(metadata, offset + HEADER_BYTES);
  return offset + HEADER_BYTES + metadata.length;
}

/** A whole frame as bytes, for frames that are few: START, STOP. */
export function encodeFrame(
  kind: Kind,
  id: number,
  metadata: Uint8Array = NOTHING,
  body: Uint8Array = NOTHING,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_BYTES + metadata.length + body.length);
  const end = writeHead(new DataView(bytes.buffer), 0, kind, id, metadata, body.length);
  bytes.set(body, end);
  return bytes;
}

/**
 * Parses a frame's metadata.
 *
 * @throws {ProtocolError} if it is not a JSON object in UTF-8
 */
export function parseMetadata(metadata: Uint8Array): Record<string, unknown> {
  if (metadata.length === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(metadata));
  } catch (cause) {
    throw new ProtocolError("The metadata of a frame does not parse as JSON", { cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ProtocolError("The metadata of a frame is not a JSON object");
  }
  return value as Record<string, unknown>;
}

/** Bodies that do not fit here, with their head, get memory of their own and are read straight into it. */
const BUFFER_BYTES = 128 * 1024;

/**
 * Finds the frames in a stream of bytes, copying large bodies not at all and small ones once.
 *
 * The owner reads from its source into {@linkcode space}, says with {@linkcode filled} how much came, and
 * takes the frames that are complete with {@linkcode next}.
 */
export class FrameDecoder {
  readonly #maxBody: number;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  readonly #view = new DataView(this.#buffer.buffer);
  #start = 0;
  #end = 0;
  #large: { frame: Frame; received: number } | undefined;

  /** @param maxBody the longest body that is accepted, in bytes */
  constructor(maxBody: number) {
    this.#maxBody = maxBody;
  }

  /** Where the next bytes of the stream are to be put; never empty. */
  space(): Uint8Array<ArrayBuffer> {
    if (this.#large !== undefined) return this.#large.frame.body.subarray(this.#large.received);
    return this.#buffer.subarray(this.#end);
  }

  /** Says that `count` bytes were put into {@linkcode space}. */
  filled(count: number): void {
    if (this.#large !== undefined) this.#large.received += count;
    else this.#end += count;
  }

  /** Whether the stream may end here: not within a frame. */
  get atBoundary(): boolean {
    return this.#large === undefined && this.#start === this.#end;
  }

  /**
   * The next complete frame, or undefined when more bytes are needed.
   *
   * @throws {ProtocolError} if the bytes are no frame; the stream is of no use then
   */
  next(): Frame | undefined {
    if (this.#large !== undefined) {
      if (this.#large.received < this.#large.frame.body.length) return undefined;
      const { frame } = this.#large;
      this.#large = undefined;
      return frame;
    }
    const start = this.#start;
    const available = this.#end - start;
    if (available < HEADER_BYTES) return this.#compact();
    const bodyLength = this.#view.getUint32(start, true);
    const kind = this.#view.getUint8(start + 8);
    const flags = this.#view.getUint8(start + 9);
    if (kind < 1 || kind > LAST_KIND) {
      throw new ProtocolError(`A frame has the unknown kind ${kind}`);
    }
    if (flags !== 0) {
      throw new ProtocolError(`A frame of kind ${kind} has the unknown flags ${flags}`);
    }
    if (bodyLength > this.#maxBody) {
      throw new ProtocolError(
        `A frame's body of ${bodyLength} bytes is over the limit of ${this.#maxBody}`,
      );
    }
    const metadataStart = start + HEADER_BYTES;
    const bodyStart = metadataStart + this.#view.getUint16(start + 10, true);
    const end = bodyStart + bodyLength;
    const id = this.#view.getUint32(start + 4, true);
    if (end <= this.#end) {
      this.#start = end;
      return {
        kind: kind as Kind,
        id,
        metadata: this.#buffer.slice(metadataStart, bodyStart),
        body: this.#buffer.slice(bodyStart, end),
      };
    }
    if (end - start <= BUFFER_BYTES || bodyStart > this.#end) return this.#compact();
    const body = new Uint8Array(bodyLength);
    body.set(this.#buffer.subarray(bodyStart, this.#end));
    const metadata = this.#buffer.slice(metadataStart, bodyStart);
    this.#large = { frame: { kind: kind as Kind, id, metadata, body }, received: this.#end - bodyStart };
    this.#start = this.#end = 0;
    return undefined;
  }

  /** Makes room behind an incomplete frame. */
  #compact(): undefined {
    if (this.#start > 0) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
  }
}
