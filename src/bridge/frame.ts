/**
 * Frames: the unit of the protocol between the supervisor and a Python process.
 *
 * A frame is a fixed header, metadata (a UTF-8 JSON object) and a body (raw bytes):
 *
 *     body length u32 | request id u32 | kind u8 | flags u8 | metadata length u16    little-endian
 *
 * Flags are 0 if the body follows in the stream. Other flags name the slot of the exchange (`exchange.ts`) or of the shared memory
 * (`answer_memory.ts`, `request_memory.ts`) that holds it.
 *
 * `docs/protocol.md` defines the kinds, who sends them, and what their metadata holds.
 */

import { startsWith } from "../bytes.ts";
import { ProtocolError } from "../errors.ts";
import { ANSWER_ROOM, ANSWER_SLOTS, SHARED, SHARED_SLOT_BYTES, type SharedBody } from "./shared_slots.ts";

/** Sent in HELLO and START; each side refuses another number. */
export const PROTOCOL_VERSION = 4;

/** The kinds of frames, by their numbers. */
export const Kind = {
  /** Worker: greets the supervisor, with its protocol version. */
  Hello: 1,
  /** Supervisor: tells the worker what to run. */
  Start: 2,
  /** Worker: the script, and the model, are loaded. */
  Ready: 3,
  /** Worker: the script or the model could not be loaded, or training raised. */
  Failed: 4,
  /** Supervisor: a request. */
  Invoke: 5,
  /** Worker: a request's answer. */
  Result: 6,
  /** Worker: says why a request has no answer. */
  Error: 7,
  /** Supervisor: asks the worker to end. */
  Stop: 8,
  /** Worker: training has finished. */
  Done: 9,
  /** Worker: its memory, CPU time and execution times. Supervisor: asks for them. */
  Stats: 10,
  /** Supervisor: the client of a request has disconnected. */
  Cancel: 11,
  /** Worker: a part of a streamed answer. */
  Part: 12,
  /** Supervisor: how many more parts the worker may send. */
  Credit: 13,
  /** Supervisor: the head of the request in the next INVOKE frame. */
  Head: 14,
  /** Worker: points of a training's curves, for its console. */
  Scalars: 15,
  /** Supervisor: asks the worker to give the memory of free slots back. */
  Trim: 16,
} as const;

/** One of the numbers of {@linkcode Kind}. */
export type Kind = (typeof Kind)[keyof typeof Kind];

const LAST_KIND = Kind.Trim;

/** Bytes of the fixed header. */
export const HEADER_BYTES = 12;

const NEWLINE = 0x0a;

/** The longest metadata in bytes, limited by the header's u16. */
export const MAX_METADATA_BYTES = 0xffff;

/** The longest body in bytes, limited by the header's u32. */
export const MAX_BODY_BYTES = 0xffff_ffff;

/**
 * One frame. The bodies of one read share a buffer, which stays in memory as long as any of them; consecutive frames may share their
 * metadata.
 */
export interface Frame {
  readonly kind: Kind;
  /** 0 for a frame that belongs to no request. */
  readonly id: number;
  /** UTF-8 JSON, or empty. */
  readonly metadata: Uint8Array<ArrayBuffer>;
  readonly body: Uint8Array<ArrayBuffer>;
  /** Where the body is, if it is in shared memory; then `body` is empty. */
  readonly shared?: SharedBody | undefined;
}

const NOTHING = new Uint8Array(0);
const decoder = new TextDecoder("utf-8", { fatal: true });

/** A buffer for writing frames, with the two views that this needs. */
export class FrameBuffer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView<ArrayBuffer>;

  /** @param length in bytes */
  constructor(readonly length: number) {
    this.bytes = new Uint8Array(length);
    this.#view = new DataView(this.bytes.buffer);
  }

  /**
   * Writes the header and metadata of a frame at `offset`. The caller writes the body after them, unless `flags` name the slot that
   * holds it.
   *
   * @param line the second line of the metadata, in ASCII; an empty one is left out unless `rest` follows it
   * @param rest the lines after it
   * @returns the offset after the metadata
   * @throws {RangeError} if they do not fit, or the metadata is longer than {@linkcode MAX_METADATA_BYTES}
   */
  writeHead(
    offset: number,
    kind: Kind,
    id: number,
    metadata: Uint8Array,
    bodyLength: number,
    flags = 0,
    line = "",
    rest?: Uint8Array,
  ): number {
    const length = metadataLength(metadata, line, rest);
    if (length > MAX_METADATA_BYTES) {
      throw new RangeError(`Metadata of ${length} bytes is over the limit of ${MAX_METADATA_BYTES}`);
    }
    const view = this.#view;
    view.setUint32(offset, bodyLength, true);
    view.setUint32(offset + 4, id, true);
    view.setUint8(offset + 8, kind);
    view.setUint8(offset + 9, flags);
    view.setUint16(offset + 10, length, true);
    const { bytes } = this;
    bytes.set(metadata, offset + HEADER_BYTES);
    if (line !== "" || rest !== undefined) {
      let at = offset + HEADER_BYTES + metadata.length;
      bytes[at++] = NEWLINE;
      // For a short line, this loop is faster than a call of TextEncoder.
      for (let i = 0; i < line.length; i++) bytes[at++] = line.charCodeAt(i);
      if (rest !== undefined) {
        bytes[at++] = NEWLINE;
        bytes.set(rest, at);
      }
    }
    return offset + HEADER_BYTES + length;
  }
}

/** The length of metadata that consists of these lines, in bytes. */
export function metadataLength(metadata: Uint8Array, line: string, rest?: Uint8Array): number {
  if (rest !== undefined) return metadata.length + 1 + line.length + 1 + rest.length;
  return line === "" ? metadata.length : metadata.length + 1 + line.length;
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

/** The store of bodies that are not in the stream. */
export interface BodySource {
  /** Whether bodies may be in shared memory as well. @default false */
  readonly shares?: boolean;
  /**
   * Reads the body that a frame refers to.
   *
   * @param flags the frame's flags, which are not 0
   * @param length the length of the body, in bytes
   * @throws {ProtocolError} if the store does not hold such a body
   */
  read(flags: number, length: number): Uint8Array<ArrayBuffer>;
}

/** Size of the read buffer. For a frame that does not fit, the body gets memory of its own and is read directly into it. */
const BUFFER_BYTES = 128 * 1024;

/**
 * Finds the frames in a stream of bytes. Large bodies are read directly into their own memory, and small ones are copied once.
 *
 * The owner reads into {@linkcode space}, reports with {@linkcode filled} how many bytes it has read, and takes
 * complete frames with {@linkcode next}.
 */
export class FrameDecoder {
  readonly #maxBody: number;
  readonly #bodies: BodySource | undefined;
  /** The read buffer. All frames of a read are copied out of it at once. */
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #filled = 0;
  #batch: Uint8Array<ArrayBuffer> | undefined;
  #view: DataView<ArrayBuffer> | undefined;
  /** The offset of the next frame in the batch. */
  #start = 0;
  /** Metadata of the previous frame; most answers repeat it, and then the decoder returns the same array. */
  #metadata = new Uint8Array(0);
  #large: { readonly frame: Frame; received: number } | undefined;

  /**
   * @param maxBody the longest body that is accepted, in bytes
   * @param bodies the store of bodies that are not in the stream; without it, all must be in the stream
   */
  constructor(maxBody: number, bodies?: BodySource) {
    this.#maxBody = maxBody;
    this.#bodies = bodies;
  }

  /** The space for the next bytes of the stream; never empty. Call it after {@linkcode next} has returned undefined. */
  space(): Uint8Array<ArrayBuffer> {
    if (this.#large !== undefined) return this.#large.frame.body.subarray(this.#large.received);
    return this.#buffer.subarray(this.#filled);
  }

  /** Records that `count` bytes were written to {@linkcode space}. */
  filled(count: number): void {
    if (this.#large !== undefined) {
      this.#large.received += count;
      return;
    }
    this.#batch = this.#buffer.slice(0, this.#filled + count);
    this.#view = new DataView(this.#batch.buffer);
    this.#start = 0;
  }

  /** Whether the stream is between two frames, where it may end. */
  get atBoundary(): boolean {
    return this.#large === undefined && this.#filled === 0;
  }

  /**
   * The next complete frame, or undefined when more bytes are needed.
   *
   * @throws {ProtocolError} if the bytes are not a valid frame; the rest of the stream can't be read after that
   */
  next(): Frame | undefined {
    if (this.#large !== undefined) {
      if (this.#large.received < this.#large.frame.body.length) return undefined;
      const { frame } = this.#large;
      this.#large = undefined;
      return frame;
    }
    const batch = this.#batch;
    const view = this.#view;
    if (batch === undefined || view === undefined) return undefined;
    const start = this.#start;
    if (batch.length - start < HEADER_BYTES) return this.#keepRest(batch);
    const bodyLength = view.getUint32(start, true);
    const id = view.getUint32(start + 4, true);
    const kind = view.getUint8(start + 8);
    const flags = view.getUint8(start + 9);
    this.#check(kind, flags, bodyLength);
    const bodyStart = start + HEADER_BYTES + view.getUint16(start + 10, true);
    const end = flags === 0 ? bodyStart + bodyLength : bodyStart;
    if (end <= batch.length) {
      this.#start = end;
      if ((flags & SHARED) !== 0) {
        const metadata = this.#metadataOf(batch, start + HEADER_BYTES, bodyStart);
        return { kind: kind as Kind, id, metadata, body: NOTHING, shared: { flags, length: bodyLength } };
      }
      return {
        kind: kind as Kind,
        id,
        metadata: this.#metadataOf(batch, start + HEADER_BYTES, bodyStart),
        body: flags === 0 ? batch.subarray(bodyStart, end) : this.#bodies!.read(flags, bodyLength),
        shared: undefined,
      };
    }
    if (end - start <= BUFFER_BYTES || bodyStart > batch.length) return this.#keepRest(batch);
    const body = new Uint8Array(bodyLength);
    body.set(batch.subarray(bodyStart));
    const metadata = batch.slice(start + HEADER_BYTES, bodyStart);
    this.#large = {
      frame: { kind: kind as Kind, id, metadata, body, shared: undefined },
      received: batch.length - bodyStart,
    };
    this.#start = batch.length;
    this.#keepRest(batch);
    return undefined;
  }

  /** Returns the metadata from `start` to `end`: the previous frame's array if the bytes are equal. */
  #metadataOf(batch: Uint8Array<ArrayBuffer>, start: number, end: number): Uint8Array<ArrayBuffer> {
    const before = this.#metadata;
    if (end - start !== before.length || !startsWith(batch, start, end, before)) {
      this.#metadata = batch.slice(start, end);
    }
    return this.#metadata;
  }

  #check(kind: number, flags: number, bodyLength: number): void {
    if (kind < 1 || kind > LAST_KIND) throw new ProtocolError(`A frame has the unknown kind ${kind}`);
    if (flags !== 0 && !this.#canHold(flags, bodyLength)) {
      throw new ProtocolError(`A frame of kind ${kind} has the unknown flags ${flags}`);
    }
    if (bodyLength > this.#maxBody) {
      throw new ProtocolError(`A frame's body of ${bodyLength} bytes is over the limit of ${this.#maxBody}`);
    }
  }

  /** Whether a body may be where the flags say. A slot of the exchange is checked when it is read. */
  #canHold(flags: number, bodyLength: number): boolean {
    if ((flags & SHARED) === 0) return this.#bodies !== undefined;
    return this.#bodies?.shares === true && (flags & ~SHARED) < ANSWER_SLOTS &&
      bodyLength <= SHARED_SLOT_BYTES - ANSWER_ROOM;
  }

  /** Keeps an incomplete frame for the next read. */
  #keepRest(batch: Uint8Array<ArrayBuffer>): undefined {
    this.#filled = batch.length - this.#start;
    if (this.#start > 0) this.#buffer.copyWithin(0, this.#start, batch.length);
    this.#batch = this.#view = undefined;
  }
}
