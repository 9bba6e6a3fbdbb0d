/** Writes DEFLATE blocks with dynamic Huffman codes (RFC 1951, section 3.2.7) for symbols that `assembly/loops.ts` has found and counted. */

import { codeLengths, makeCodes } from "./huffman.ts";
import type { Loops } from "./loops.ts";
import { DISTANCE_SYMBOLS, END_OF_BLOCK, FIRST_LENGTH, LITERAL_SYMBOLS } from "./symbols.ts";

/** The longest code for symbols, and the longest code for code lengths, in bits. */
const MAX_BITS = 15;
const MAX_LENGTH_BITS = 7;
/** The order in which code lengths are written; trailing zeros are left out. */
const LENGTHS_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
/** The symbols for runs of equal lengths, and of zeros. */
const REPEAT = { symbol: 16, least: 3, most: 6, bits: 2 };
const FEW_ZEROS = { symbol: 17, least: 3, most: 10, bits: 3 };
const MANY_ZEROS = { symbol: 18, least: 11, most: 138, bits: 7 };
/** The header bits of a block with dynamic codes that is not the last one. */
const DYNAMIC = 0b100;

/** Writes the tokens that `assembly/loops.ts` has found and counted. */
export class BlockWriter {
  readonly #loops: Loops;
  readonly #literalBits = new Uint8Array(LITERAL_SYMBOLS);
  readonly #literalCodes = new Uint16Array(LITERAL_SYMBOLS);
  readonly #distanceBits = new Uint8Array(DISTANCE_SYMBOLS);
  readonly #distanceCodes = new Uint16Array(DISTANCE_SYMBOLS);

  constructor(loops: Loops) {
    this.#loops = loops;
  }

  /** Writes a block of the first `count` tokens. */
  writeBlock(count: number): void {
    const { call, literalCounts, distanceCounts } = this.#loops;
    literalCounts[END_OF_BLOCK] = 1;
    codeLengths(literalCounts, MAX_BITS, this.#literalBits);
    codeLengths(distanceCounts, MAX_BITS, this.#distanceBits);
    makeCodes(this.#literalBits, this.#literalCodes);
    makeCodes(this.#distanceBits, this.#distanceCodes);
    this.#loops.setCodes(this.#literalCodes, this.#literalBits, this.#distanceCodes, this.#distanceBits);
    this.#writeCodes();
    call.writeTokens(count);
    call.put(this.#literalCodes[END_OF_BLOCK]!, this.#literalBits[END_OF_BLOCK]!);
    literalCounts.fill(0);
    distanceCounts.fill(0);
  }

  /** Writes the codes: their lengths determine them. */
  #writeCodes(): void {
    const { call } = this.#loops;
    const literals = withoutZeros(this.#literalBits, FIRST_LENGTH);
    const distances = withoutZeros(this.#distanceBits, 1);
    const runs = runsOf([...literals, ...distances]);
    const counts = new Uint32Array(LENGTHS_ORDER.length);
    for (const { symbol } of runs) counts[symbol]!++;
    const lengths = new Uint8Array(counts.length);
    const codes = new Uint16Array(counts.length);
    codeLengths(counts, MAX_LENGTH_BITS, lengths);
    makeCodes(lengths, codes);
    const ordered = withoutZeros(Uint8Array.from(LENGTHS_ORDER, (symbol) => lengths[symbol]!), 4);
    call.put(DYNAMIC, 3);
    call.put(literals.length - FIRST_LENGTH, 5);
    call.put(distances.length - 1, 5);
    call.put(ordered.length - 4, 4);
    for (const length of ordered) call.put(length, 3);
    for (const { symbol, extra, bits } of runs) {
      call.put(codes[symbol]!, lengths[symbol]!);
      call.put(extra, bits);
    }
  }
}

/** Removes trailing zeros, but keeps at least `least` lengths. */
function withoutZeros(lengths: Uint8Array, least: number): Uint8Array {
  let count = lengths.length;
  while (count > least && lengths[count - 1] === 0) count--;
  return lengths.subarray(0, count);
}

/** A code length, or a symbol for a run of code lengths. */
interface Run {
  readonly symbol: number;
  readonly extra: number;
  readonly bits: number;
}

function runsOf(lengths: readonly number[]): Run[] {
  const runs: Run[] = [];
  const single = (symbol: number) => runs.push({ symbol, extra: 0, bits: 0 });
  for (let start = 0; start < lengths.length;) {
    const length = lengths[start]!;
    let end = start + 1;
    while (lengths[end] === length) end++;
    let rest = end - start;
    if (length !== 0) {
      single(length);
      rest--;
    }
    for (const { symbol, least, most, bits } of length === 0 ? [MANY_ZEROS, FEW_ZEROS] : [REPEAT]) {
      while (rest >= least) {
        const count = Math.min(rest, most);
        runs.push({ symbol, extra: count - least, bits });
        rest -= count;
      }
    }
    while (rest-- > 0) single(length);
    start = end;
  }
  return runs;
}
