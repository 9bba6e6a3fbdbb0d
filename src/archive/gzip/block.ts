/**
 * Compresses one block of a gzip member independently of the others: each starts and ends on a byte boundary, and may refer to the
 * 32 KiB before it.
 *
 * A sample decides how much work a block is worth. A model's weights, for example, are floating-point numbers with similar
 * exponents and random mantissas: no sequences repeat, but some bytes are rarer than others.
 */

import zlib from "node:zlib";
import { Deflater } from "../deflate/mod.ts";

/** The size of a block before compression, in bytes. */
export const BLOCK_BYTES = 1024 * 1024;

/** A sample consists of this many evenly spread pieces, of this size. */
const SAMPLE_PIECES = 4;
const PIECE_BYTES = 8 * 1024;

/** Smaller blocks are compressed without taking a sample, in bytes. */
const MIN_SAMPLED_BYTES = 4 * SAMPLE_PIECES * PIECE_BYTES;

/** Search for matches only if they shrink the sample below this fraction of its size with Huffman coding alone. */
const WORTH_MATCHING = 0.98;
/** Use Huffman coding only if it shrinks the sample below this fraction. */
const WORTH_CODING = 0.995;
/** The level for samples: fast, and close to the result of higher levels. */
const SAMPLE_LEVEL = 3;

/** The most bytes of a stored block (RFC 1951, section 3.2.4), and the size of its header. */
const MAX_STORED = 0xffff;
const STORED_HEADER = 5;

/** Created on first use, once per thread, because both take some megabytes. */
let deflater: Deflater | undefined;
let stored: Uint8Array | undefined;

/** A block to be compressed, in a buffer that is transferred to the thread. */
export interface BlockRequest {
  readonly index: number;
  readonly buffer: ArrayBuffer;
  /** The block's start and end in the buffer; matches may refer to the bytes before it. */
  readonly start: number;
  readonly end: number;
  /** From 0 (no compression) to 9. */
  readonly level: number;
}

/** A compressed block, in the request's buffer. */
export interface BlockResponse {
  readonly index: number;
  readonly buffer: ArrayBuffer;
  /** The compressed size in bytes; the block starts at the buffer's beginning. */
  readonly compressedLength: number;
  /** CRC-32 and size of the block before compression. */
  readonly crc: number;
  readonly length: number;
}

/** Compresses the block of a request in place. The buffer must have {@linkcode WINDOW_BYTES} more than the block. */
export function respond({ index, buffer, start, end, level }: BlockRequest): BlockResponse {
  const bytes = new Uint8Array(buffer, 0, end);
  const crc = zlib.crc32(bytes.subarray(start));
  const compressed = compressBlock(bytes, start, level);
  const compressedLength = compressed.length;
  new Uint8Array(buffer).set(compressed);
  return { index, buffer, compressedLength, crc, length: end - start };
}

/** How a block is compressed: not at all, with Huffman codes alone, or with matches as well. */
export type Treatment = "store" | "code" | "match";

/**
 * Compresses one block into a DEFLATE stream that ends on a byte boundary. The next call overwrites the result.
 *
 * @param bytes up to 32 KiB before the block, which matches may refer to, and the block
 * @param start where the block begins
 * @param level from 0 (store all) to 9
 */
function compressBlock(bytes: Uint8Array, start: number, level: number): Uint8Array {
  const block = bytes.subarray(start);
  const treatment = level === 0 ? "store" : chooseTreatment(block);
  if (treatment === "store") return store(block);
  const thread = threadDeflater();
  const deflated = treatment === "code" ? thread.code(block) : thread.deflate(bytes, start, level);
  return deflated.length < storedLength(block.length) ? deflated : store(block);
}

/** Decides by a sample how to compress a block. */
function chooseTreatment(block: Uint8Array): Treatment {
  if (block.length < MIN_SAMPLED_BYTES) return "match";
  const sample = new Uint8Array(SAMPLE_PIECES * PIECE_BYTES);
  const step = Math.floor((block.length - PIECE_BYTES) / (SAMPLE_PIECES - 1));
  for (let piece = 0; piece < SAMPLE_PIECES; piece++) {
    sample.set(block.subarray(piece * step, piece * step + PIECE_BYTES), piece * PIECE_BYTES);
  }
  const thread = threadDeflater();
  const matched = thread.deflate(sample, 0, SAMPLE_LEVEL).length;
  const coded = thread.code(sample).length;
  if (matched < coded * WORTH_MATCHING) return "match";
  return coded < sample.length * WORTH_CODING ? "code" : "store";
}

function threadDeflater(): Deflater {
  return deflater ??= new Deflater();
}

function storedLength(length: number): number {
  return length + STORED_HEADER * Math.ceil(length / MAX_STORED);
}

function store(block: Uint8Array): Uint8Array {
  stored ??= new Uint8Array(storedLength(BLOCK_BYTES));
  const view = new DataView(stored.buffer);
  let offset = 0;
  for (let start = 0; start < block.length; start += MAX_STORED) {
    const part = block.subarray(start, start + MAX_STORED);
    // Not the last one, stored: three bits, and then to the next byte.
    view.setUint8(offset, 0);
    view.setUint16(offset + 1, part.length, true);
    view.setUint16(offset + 3, ~part.length & 0xffff, true);
    stored.set(part, offset + STORED_HEADER);
    offset += STORED_HEADER + part.length;
  }
  return stored.subarray(0, offset);
}
