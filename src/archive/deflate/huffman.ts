/** Makes Huffman codes for DEFLATE (RFC 1951, section 3.2.2), with integers only, so that the result is the same on every machine. */

/** The most symbols of an alphabet. */
const MAX_SYMBOLS = 288;
/** The longest code, in bits. */
const MAX_BITS = 15;
/** A frequency times this, plus the symbol, makes one number that can be sorted. */
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
  // A single symbol still takes one bit, and decoders expect at least one code.
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

/** Counts the codes of each length in {@linkcode perLength}. */
function measure(sorted: Float64Array, limit: number): void {
  const count = sorted.length;
  const root = 2 * count - 2;
  for (let i = 0; i < count; i++) weights[i] = Math.floor(sorted[i]! / SYMBOL_RANGE);
  // Join the two lightest trees. New trees arise in the order of their weights, so a queue suffices.
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
  // Shortening codes to the limit overuses the code space. Lengthening a shorter code makes room for one of them.
  for (; used > 1 << limit; used--) {
    let length = limit - 1;
    while (perLength[length] === 0) length--;
    perLength[length]!--;
    perLength[length + 1]! += 2;
    perLength[limit]!--;
  }
}

const nextCode = new Uint16Array(MAX_BITS + 2);

/** Makes the codes for these lengths, with the first bit lowest, which is the order of output. */
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
