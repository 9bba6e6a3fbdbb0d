/** Huffman codes, as deflate defines them (RFC 1951, section 3.2.2). Integers alone: the same everywhere. */

/** No alphabet has more symbols. */
const MAX_SYMBOLS = 288;
/** The longest code, in bits. */
const MAX_BITS = 15;
/** A frequency and its symbol in one number, so that numbers are all that is sorted. */
const SYMBOL_RANGE = 512;

const keys = new Float64Array(MAX_SYMBOLS);
const weights = new Float64Array(2 * MAX_SYMBOLS);
const parents = new Uint16Array(2 * MAX_SYMBOLS);
const depths = new Uint16Array(2 * MAX_SYMBOLS);
const perLength = new Uint32Array(MAX_BITS + 1);

/**
 * Finds the length of each symbol's code, 0 for a symbol that does not occur.
 *
 * @param frequencies how often each symbol occurs
 * @param limit the longest code, in bits
 * @param lengths takes the result; has as many elements
 */
export function codeLengths(frequencies: Uint32Array, limit: number, lengths: Uint8Array): void {
  lengths.fill(0);
  let count = 0;
  frequencies.forEach((frequency, symbol) => {
    if (frequency > 0) keys[count++] = frequency * SYMBOL_RANGE + symbol;
  });
  const sorted = keys.subarray(0, count).sort();
  // A code of one symbol has one bit, too; decoders want a code even if it is not used.
  if (count < 2) {
    lengths[count === 0 ? 0 : sorted[0]! % SYMBOL_RANGE] = 1;
    return;
  }
  measure(sorted, limit);
  let next = 0;
  for (let length = limit; length > 0; length--) {
    for (let i = perLength[length]!; i > 0; i--) lengths[sorted[next++]! % SYMBOL_RANGE] = length;
  }
}

/** Counts in {@linkcode perLength} how many codes there are of each length. */
function measure(sorted: Float64Array, limit: number): void {
  const count = sorted.length;
  const root = 2 * count - 2;
  for (let i = 0; i < count; i++) weights[i] = Math.floor(sorted[i]! / SYMBOL_RANGE);
  // The two lightest trees become one. Trees are made in the order of their weights: nothing is searched for.
  let leaf = 0;
  let tree = count;
  for (let made = count; made <= root; made++) {
    weights[made] = 0;
    for (let child = 0; child < 2; child++) {
      const lightest = leaf < count && (tree === made || weights[leaf]! <= weights[tree]!) ? leaf++ : tree++;
      weights[made]! += weights[lightest]!;
      parents[lightest] = made;
    }
  }
  perLength.fill(0);
  depths[root] = 0;
  let used = 0;
  for (let i = root - 1; i >= 0; i--) {
    depths[i] = depths[parents[i]!]! + 1;
    if (i >= count) continue;
    const length = Math.min(limit, depths[i]!);
    perLength[length]!++;
    used += 1 << (limit - length);
  }
  // Codes that were cut to the limit take more than there is: a shorter one becomes longer and makes room for one of them.
  for (; used > 1 << limit; used--) {
    let length = limit - 1;
    while (perLength[length] === 0) length--;
    perLength[length]!--;
    perLength[length + 1]! += 2;
    perLength[limit]!--;
  }
}

const nextCode = new Uint16Array(MAX_BITS + 2);

/** Makes the codes of these lengths, their first bit lowest, as they are written. */
export function makeCodes(lengths: Uint8Array, codes: Uint16Array): void {
  perLength.fill(0);
  for (const length of lengths) perLength[length]!++;
  perLength[0] = 0;
  for (let length = 1; length <= MAX_BITS; length++) {
    nextCode[length] = (nextCode[length - 1]! + perLength[length - 1]!) << 1;
  }
  lengths.forEach((length, symbol) => {
    if (length === 0) return;
    let code = nextCode[length]!++;
    let reversed = 0;
    for (let bit = 0; bit < length; bit++, code >>= 1) reversed = reversed << 1 | code & 1;
    codes[symbol] = reversed;
  });
}
