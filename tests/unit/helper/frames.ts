/** Frames as `docs/protocol.md` has them, written and read with none of the code that is tested. */

import fc from "fast-check";
import { concat } from "./bytes.ts";

/** What a frame holds. */
export interface PlainFrame {
  readonly kind: number;
  readonly id: number;
  readonly metadata: Uint8Array;
  readonly body: Uint8Array;
  /** 0, or the slot of the exchange where the body is. */
  readonly flags?: number;
  /** What the header says, if it is not the truth. */
  readonly bodyLength?: number;
}

const HEADER = 12;
const NOTHING = new Uint8Array(0);

/** A frame's bytes. */
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

/** A frame with what is given, and nothing else in it. */
export function frame(parts: Partial<PlainFrame>): PlainFrame {
  return { kind: 6, id: 0, metadata: NOTHING, body: NOTHING, ...parts };
}

/** What a stream of bytes holds, read the slow and simple way. */
export interface Reading {
  readonly frames: readonly PlainFrame[];
  /** Set if something in it is no frame: where that begins. */
  readonly damagedAt?: number;
  /** Bytes behind the last frame: the beginning of another one. */
  readonly rest: number;
}

/** Reads a stream whose bodies are all in it. */
export function readFrames(bytes: Uint8Array, maxBody: number): Reading {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames: PlainFrame[] = [];
  let start = 0;
  while (bytes.length - start >= HEADER) {
    const bodyLength = view.getUint32(start, true);
    const kind = bytes[start + 8]!;
    if (kind < 1 || kind > 14 || bytes[start + 9] !== 0 || bodyLength > maxBody) {
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

/** Any frame, with a body of up to `maxBody` bytes. */
export function anyFrame(maxBody: number): fc.Arbitrary<PlainFrame> {
  return fc.record({
    kind: fc.integer({ min: 1, max: 14 }),
    id: fc.integer({ min: 0, max: 0xffff_ffff }),
    metadata: fc.uint8Array({ maxLength: 40 }),
    body: fc.uint8Array({ maxLength: maxBody, size: "max" }),
  });
}

/** A way to damage a stream. */
type Damage = (bytes: Uint8Array) => Uint8Array;

/** A place in a stream as a part of its length, so that it does not depend on it. */
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

/** A stream of a few frames to which something has happened. */
export const damagedStream: fc.Arbitrary<Uint8Array> = fc.tuple(
  fc.array(anyFrame(64), { minLength: 1, maxLength: 5 }),
  fc.array(damage, { minLength: 1, maxLength: 3 }),
).map(([frames, damages]) =>
  damages.reduce(
    (bytes, apply) => bytes.length === 0 ? bytes : apply(bytes),
    concat(...frames.map(encodeFrame)) as Uint8Array,
  )
);
