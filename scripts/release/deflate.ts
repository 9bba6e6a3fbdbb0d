/** Compresses with the compressor of Model Archives, whose output depends only on its input. */

import { GzipWriter } from "../../src/archive/gzip/writer.ts";

/** The level of compression of a release. */
export const LEVEL = 6;

/** Compressed bytes, in the two forms that releases need. */
export interface Compressed {
  /** A gzip member (RFC 1952). */
  readonly gzip: Uint8Array<ArrayBuffer>;
  /** The same without header and trailer (RFC 1951). */
  readonly deflate: Uint8Array<ArrayBuffer>;
  /** CRC-32 of the input. */
  readonly crc: number;
}

/** From this many bytes on, starting threads takes less time than they save. */
const SMALL = 2 ** 22;

/** Compresses bytes at a level from 0 to 9, on all processors if there are many. */
export async function compress(bytes: Uint8Array, level: number): Promise<Compressed> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  using writer = new GzipWriter({
    level,
    threads: bytes.length < SMALL ? 0 : navigator.hardwareConcurrency,
    write: (piece) => Promise.resolve(void pieces.push(piece.slice())),
  });
  await writer.add(bytes);
  await writer.close();
  const gzip = await new Blob(pieces).bytes();
  const crc = new DataView(gzip.buffer, gzip.byteOffset, gzip.byteLength).getUint32(gzip.length - 8, true);
  return { gzip, deflate: gzip.subarray(10, -8), crc };
}
