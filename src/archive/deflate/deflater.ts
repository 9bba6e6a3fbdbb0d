/** Compresses blocks, and sets for each level how thoroughly `assembly/loops.ts` searches for matches. */

import { BlockWriter } from "./block_writer.ts";
import { Loops } from "./loops.ts";
import { MAX_LENGTH } from "./symbols.ts";

/** How thoroughly to search for matches. */
interface Effort {
  /** How many earlier places to try at each position. */
  readonly chain: number;
  /** A match of this length ends the search. */
  readonly nice: number;
  /** A match shorter than this gives way if a better one begins at the next byte. */
  readonly lazy: number;
  /** Positions inside a match longer than this are not entered into the hash table. */
  readonly inserted: number;
}

/** The efforts of levels 2 to 9. Level 1 has a search of its own. */
const EFFORTS: readonly Effort[] = [
  { chain: 2, nice: 32, lazy: 0, inserted: 16 },
  { chain: 4, nice: 32, lazy: 8, inserted: MAX_LENGTH },
  { chain: 6, nice: 48, lazy: 16, inserted: MAX_LENGTH },
  { chain: 8, nice: 64, lazy: 24, inserted: MAX_LENGTH },
  { chain: 12, nice: 64, lazy: 32, inserted: MAX_LENGTH },
  { chain: 24, nice: 128, lazy: 64, inserted: MAX_LENGTH },
  { chain: 64, nice: MAX_LENGTH, lazy: MAX_LENGTH, inserted: MAX_LENGTH },
  { chain: 256, nice: MAX_LENGTH, lazy: MAX_LENGTH, inserted: MAX_LENGTH },
];

/** Compresses blocks of up to 1 MiB, one after the other, and reuses its memory (about 4 MiB). */
export class Deflater {
  readonly #loops = new Loops();
  readonly #writer = new BlockWriter(this.#loops);

  /**
   * Compresses a block. The output ends on a byte boundary and does not end the stream; the next call overwrites it.
   *
   * @param bytes at most 32 KiB that the block may refer to, then the block
   * @param start where the block begins
   * @param level from 1 to 9
   * @throws {RangeError} if there are too many bytes
   */
  deflate(bytes: Uint8Array, start: number, level: number): Uint8Array {
    const { call, input } = this.#loops;
    input.set(bytes);
    call.begin(start, bytes.length);
    if (level === 1) return this.#writeBlocks(() => call.parseOnce(bytes.length));
    const { chain, nice, lazy, inserted } = EFFORTS[level - 2]!;
    return this.#writeBlocks(() => call.parse(bytes.length, chain, nice, lazy, inserted));
  }

  /** Compresses with Huffman codes alone, without matches. The output has the form of {@linkcode deflate}'s. */
  code(bytes: Uint8Array): Uint8Array {
    const { call, input } = this.#loops;
    input.set(bytes);
    call.begin(0, 0);
    return this.#writeBlocks(() => call.takeBytes(bytes.length));
  }

  #writeBlocks(nextTokens: () => number): Uint8Array {
    for (let count = nextTokens(); count > 0; count = nextTokens()) this.#writer.writeBlock(count);
    return this.#loops.finish();
  }
}
