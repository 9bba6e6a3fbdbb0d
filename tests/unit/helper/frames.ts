/** Writes and reads frames as `docs/protocol.md` defines them, without the code under test. */

import fc from "fast-check";
import { concat } from "./bytes.ts";

/** The fields of a frame. */
export interface PlainFrame {
  readonly kind: number;
  readonly id: number;
  readonly metadata: Uint8Array;
  readonly body: Uint8Array;
  /** 0, or the slot of the exchange that holds the body. */
  readonly flags?: number;
  /** The body length in the header, if it is to be wrong. */
  readonly bodyLength?: number;
}

/** The greatest kind of frame. */
export const LAST_KIND = 16;

const HEADER = 12;
const NOTHING = new Uint8Array(0);

/** Encodes a frame. */
export function encodeFrame(
  { kind, id, metadata, body, flags = 0, bodyLength = body.length }: PlainFrame,
): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(HEADER));
  view.setUint32(0, bodyLength, true);
  view.setUint32(4, id, true);
  view.setUint8(8, kind);
  view.setUint8(9, flags);
  view.setUint16(10, metadata.length, true);
  return concat(new Uint8Array(view.buffer), metadata, flags === 0 ? body : NOTHING);
}

/** Makes a frame from the given fields; the others are 0 or empty. */
export function frame(parts: Partial<PlainFrame>): PlainFrame {
  return { kind: 6, id: 0, metadata: NOTHING, body: NOTHING, ...parts };
}

/** The frames in a stream of bytes. */
export interface Reading {
  readonly frames: readonly PlainFrame[];
  /** Where the first invalid frame begins, if there is one. */
  readonly damagedAt?: number;
  /** The number of bytes after the last frame: the beginning of another one. */
  readonly rest: number;
}

/** Reads a stream that contains all bodies, in the slow and simple way. */
export function readFrames(bytes: Uint8Array, maxBody: number): Reading {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames: PlainFrame[] = [];
  let start = 0;
  while (bytes.length - start >= HEADER) {
    const bodyLength = view.getUint32(start, true);
    const kind = bytes[start + 8]!;
    if (kind < 1 || kind > LAST_KIND || bytes[start + 9] !== 0 || bodyLength > maxBody) {
      return { frames, damagedAt: start, rest: bytes.length - start };
    }
    const bodyStart = start + HEADER + view.getUint16(start + 10, true);
    if (bodyStart + bodyLength > bytes.length) break;
    frames.push({
      kind,
      id: view.getUint32(start + 4, true),
      metadata: bytes.slice(start + HEADER, bodyStart),
      body: bytes.slice(bodyStart, bodyStart + bodyLength),
    });
    start = bodyStart + bodyLength;
  }
  return { frames, rest: bytes.length - start };
}

/** Generates any frame, with a body of up to `maxBody` bytes. */
export function anyFrame(maxBody: number): fc.Arbitrary<PlainFrame> {
  return fc.record({
    kind: fc.integer({ min: 1, max: LAST_KIND }),
    id: fc.integer({ min: 0, max: 0xffff_ffff }),
    metadata: fc.uint8Array({ maxLength: 40 }),
    body: fc.uint8Array({ maxLength: maxBody, size: "max" }),
  });
}

/** A way to damage a stream. */
type Damage = (bytes: Uint8Array) => Uint8Array;

/** A position in a stream, as a fraction of the stream's length. */
const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

function at(bytes: Uint8Array, where: number): number {
  return Math.floor(where * bytes.length);
}

const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.tuple(place, fc.integer({ min: 1, max: 255 })).map(([where, bits]): Damage => (bytes) =>
    bytes.map((byte, i) => i === at(bytes, where) ? byte ^ bits : byte)
  ),
  place.map((where): Damage => (bytes) => bytes.slice(0, at(bytes, where))),
  place.map((where): Damage => (bytes) => concat(bytes.slice(0, at(bytes, where)), bytes.slice(at(bytes, where) + 1))),
  fc.tuple(place, fc.uint8Array({ minLength: 1, maxLength: 16 })).map(([where, extra]): Damage => (bytes) =>
    concat(bytes.slice(0, at(bytes, where)), extra, bytes.slice(at(bytes, where)))
  ),
  // The header of the first frame, where damage does most, and the length of its body.
  fc.tuple(fc.integer({ min: 0, max: HEADER - 1 }), fc.integer({ min: 0, max: 255 })).map(
    ([index, value]): Damage => (bytes) => bytes.map((byte, i) => i === index ? value : byte),
  ),
  fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 15 })).map(([index, value]): Damage => (bytes) =>
    bytes.map((byte, i) => i === index ? value : byte)
  ),
);

/** Generates a damaged stream of a few frames. */
export const damagedStream: fc.Arbitrary<Uint8Array> = fc.tuple(
  fc.array(anyFrame(64), { minLength: 1, maxLength: 5 }),
  fc.array(damage, { minLength: 1, maxLength: 3 }),
).map(([frames, damages]) =>
  damages.reduce(
    (bytes, apply) => bytes.length === 0 ? bytes : apply(bytes),
    concat(...frames.map(encodeFrame)) as Uint8Array,
  )
);
