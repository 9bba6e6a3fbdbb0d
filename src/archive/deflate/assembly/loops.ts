/**
 * The two loops that take nearly all of the time of compression, in AssemblyScript: one finds matches, the other writes codes.
 * `../deflater.ts` and `../block_writer.ts` do the rest in TypeScript, in the same memory.
 *
 * `scripts/deno task wasm` compiles this file to `../loops_wasm.ts`.
 */

// The layout of the memory: byte offsets, unless stated otherwise.

/** The input: up to 32 KiB that matches may refer to, then the block to compress. */
export const INPUT: i32 = 1024;
/** The longest input, in bytes. */
export const MAX_INPUT: i32 = 32 * 1024 + 1024 * 1024;
/** The hash table: for each hash of four bytes, the last position where it occurred, as i32. */
const LAST: i32 = INPUT + MAX_INPUT + 64;
const HASH_BITS: i32 = 15;
/** The hash chains: for each position in the window, the previous position with the same hash, as i32. */
const BEFORE: i32 = LAST + (4 << HASH_BITS);
const WINDOW: i32 = 32 * 1024;
/** The tokens of a DEFLATE block, as u32: a literal byte, or a match as `length << 15 | distance - 1`. */
const TOKENS: i32 = BEFORE + 4 * WINDOW;
/**
 * A block ends after this many tokens, or one more. Shorter blocks get codes that fit their content better, but each block stores its codes.
 */
const BLOCK_TOKENS: i32 = 16 * 1024;
/** The same for `parseOnce`, where making the codes of short blocks would take a fifth of the time. */
const FAST_BLOCK_TOKENS: i32 = 64 * 1024;
/** The most literals that `parseOnce` appends without looking for a match. */
const MAX_SKIPPED: i32 = 32;
/** How often each literal or length symbol occurs among the tokens, as u32. */
export const LITERAL_COUNTS: i32 = TOKENS + 4 * (FAST_BLOCK_TOKENS + MAX_SKIPPED);
/** How often each distance symbol occurs among the tokens, as u32. */
export const DISTANCE_COUNTS: i32 = LITERAL_COUNTS + 4 * 286;
/** The Huffman code of each literal or length symbol, as u32: the code in the lower 16 bits, its length in the upper ones. */
export const LITERAL_CODES: i32 = DISTANCE_COUNTS + 4 * 30;
/** The Huffman code of each distance symbol, in the same form. */
export const DISTANCE_CODES: i32 = LITERAL_CODES + 4 * 286;
/** The symbol of each match length, as u8. */
export const LENGTH_SYMBOLS: i32 = DISTANCE_CODES + 4 * 30;
/** The symbols of match distances, as u8; `distanceSymbol()` computes the index. */
export const DISTANCE_SYMBOLS: i32 = LENGTH_SYMBOLS + 264;
/** For each length symbol, as u32: its shortest length in the lower 16 bits, its number of extra bits in the upper ones. */
export const LENGTH_EXTRAS: i32 = DISTANCE_SYMBOLS + 512;
/** The same for each distance symbol, with its shortest distance. */
export const DISTANCE_EXTRAS: i32 = LENGTH_EXTRAS + 4 * 29;
/** For each match length, as u32: its code and extra bits in the lower 24 bits, their number in the upper ones. */
const LENGTH_CODES: i32 = DISTANCE_EXTRAS + 4 * 30;
/** The compressed bytes. No token is longer than twice the bytes that it represents. */
export const OUTPUT: i32 = LENGTH_CODES + 4 * 259;
/** The size of the memory, in bytes; the task `wasm` requests enough pages for it. */
export const MEMORY: i32 = OUTPUT + 2 * MAX_INPUT + BLOCK_TOKENS;

const MIN_LENGTH: i32 = 4;
const MAX_LENGTH: i32 = 258;
const FIRST_LENGTH: i32 = 257;
const DISTANCE_BITS: i32 = 15;
/** 2^32 divided by the golden ratio: multiplying by it spreads similar values over the hash table. */
const HASH_FACTOR: u32 = 2_654_435_769;

/** The next position of the input. */
let position: i32 = 0;
/** The match at the previous position (lazy matching): a longer match at this position replaces it. Length 0 means no match. */
let held: i32 = 0;
let heldDistance: i32 = 0;
/** The offset of the next byte of the output. */
let output: i32 = OUTPUT;
/** Bits that do not fill a byte yet, and their number. */
let bits: u64 = 0;
let bitCount: u64 = 0;

/** The place in the hash table for these four bytes. */
function lastOf(four: u32): i32 {
  return LAST + i32((four * HASH_FACTOR) >>> (32 - HASH_BITS)) * 4;
}

/** The place in the hash chains for a position. */
function beforeOf(at: i32): i32 {
  return BEFORE + (at & (WINDOW - 1)) * 4;
}

/** Enters a position into hash table and chains. */
function remember(at: i32): void {
  const place = lastOf(load<u32>(INPUT + at));
  store<i32>(beforeOf(at), load<i32>(place));
  store<i32>(place, at);
}

/** Increments a counter. */
function count(place: i32): void {
  store<u32>(place, load<u32>(place) + 1);
}

/** Appends the byte at a position as a literal. */
function addByte(tokens: i32, at: i32): void {
  const byte = i32(load<u8>(INPUT + at));
  store<u32>(TOKENS + tokens * 4, byte);
  count(LITERAL_COUNTS + byte * 4);
}

/** The symbol of a distance. @param less the distance minus 1 */
function distanceSymbol(less: i32): i32 {
  return load<u8>(DISTANCE_SYMBOLS + (less < 256 ? less : 256 + (less >>> 7)));
}

/** Appends a match. */
function addMatch(tokens: i32, length: i32, distance: i32): void {
  store<u32>(TOKENS + tokens * 4, (length << DISTANCE_BITS) | (distance - 1));
  count(LITERAL_COUNTS + (FIRST_LENGTH + i32(load<u8>(LENGTH_SYMBOLS + length))) * 4);
  count(DISTANCE_COUNTS + distanceSymbol(distance - 1) * 4);
}

/** Starts with the block from `start` to `end`, both relative to INPUT. Matches may refer to the bytes before `start`. */
export function begin(start: i32, end: i32): void {
  for (let i = 0; i < 1 << HASH_BITS; i++) store<i32>(LAST + i * 4, -2 * WINDOW);
  const to = min(start, end - MIN_LENGTH + 1);
  for (let at = 0; at < to; at++) remember(at);
  position = start;
  held = 0;
  output = OUTPUT;
  bits = 0;
  bitCount = 0;
}

/**
 * Finds matches until a block has enough tokens or the input ends. `../deflater.ts` describes the four values that set the effort.
 *
 * @returns the number of tokens
 */
export function parse(end: i32, chain: i32, nice: i32, lazy: i32, inserted: i32): i32 {
  const lastFour = end - MIN_LENGTH;
  let tokens = 0;
  while (position <= lastFour && tokens < BLOCK_TOKENS) {
    const here = INPUT + position;
    const four = load<u32>(here);
    const place = lastOf(four);
    let candidate = load<i32>(place);
    store<i32>(beforeOf(position), candidate);
    store<i32>(place, position);
    // The earliest position whose entry in the hash chains is not overwritten yet.
    const first = position - WINDOW + 1;
    const most = min(MAX_LENGTH, end - position);
    let best = max(MIN_LENGTH, held) - 1;
    let distance = 0;
    if (candidate >= first && best < most) {
      let rest = held > 0 ? chain >> 1 : chain;
      let tail = load<u32>(here + best - 3);
      do {
        const there = INPUT + candidate;
        // A quick test first: a longer match contains the four bytes that end one byte after the best match.
        if (load<u32>(there + best - 3) == tail && load<u32>(there) == four) {
          const length = matchLength(there, here, most);
          if (length > best) {
            best = length;
            distance = position - candidate;
            if (length >= nice || length == most) break;
            tail = load<u32>(here + best - 3);
          }
        }
        candidate = load<i32>(beforeOf(candidate));
      } while (candidate >= first && --rest > 0);
    }
    let seen = 1;
    let length = best;
    if (held > 0) {
      // Prefer the new match if the bytes that it saves outweigh the extra bits of a larger distance.
      if (distance > 0 && 4 * (best - held) + clz(distance) - clz(heldDistance) > 2) {
        addByte(tokens++, position - 1);
      } else {
        position--;
        seen = 2;
        length = held;
        distance = heldDistance;
      }
    }
    if (distance == 0) {
      addByte(tokens++, position++);
    } else if (length < lazy && seen == 1) {
      held = length;
      heldDistance = distance;
      position++;
    } else {
      held = 0;
      addMatch(tokens++, length, distance);
      const next = position + length;
      if (length <= inserted) {
        const to = min(next - 1, lastFour);
        for (let at = position + seen; at <= to; at++) remember(at);
      }
      position = next;
    }
  }
  if (position > lastFour) {
    if (held > 0) {
      addMatch(tokens++, held, heldDistance);
      position += held - 1;
      held = 0;
    }
    while (position < end && tokens < BLOCK_TOKENS) addByte(tokens++, position++);
  }
  return tokens;
}

/** The length of the match between two places whose first MIN_LENGTH bytes are equal, at most `most`. */
@inline
function matchLength(there: usize, here: usize, most: i32): i32 {
  let length = MIN_LENGTH;
  while (length < most) {
    const difference = load<u64>(there + length) ^ load<u64>(here + length);
    if (difference != 0) {
      length += i32(ctz(difference) >>> 3);
      break;
    }
    length += 8;
  }
  return min(length, most);
}

/** A faster `parse()` for level 1. It tries one earlier position at each position, and does not remember positions inside matches. */
export function parseOnce(end: i32): i32 {
  const lastFour = end - MIN_LENGTH;
  let tokens = 0;
  let at = position;
  let misses = 0;
  while (at <= lastFour && tokens < FAST_BLOCK_TOKENS) {
    const here = INPUT + at;
    const four = load<u32>(here);
    const place = lastOf(four);
    const candidate = load<i32>(place);
    store<i32>(place, at);
    const there = INPUT + candidate;
    if (at - candidate > WINDOW || load<u32>(there) != four) {
      // The more positions in a row have no match, the fewer of the next ones are worth a look.
      const to = min(at + 1 + min(misses++ >> 2, MAX_SKIPPED - 1), end);
      do addByte(tokens++, at++); while (at < to);
      continue;
    }
    misses = 0;
    const most = min(MAX_LENGTH, end - at);
    const length = matchLength(there, here, most);
    addMatch(tokens++, length, at - candidate);
    at += length;
  }
  if (at > lastFour) while (at < end && tokens < FAST_BLOCK_TOKENS) addByte(tokens++, at++);
  position = at;
  return tokens;
}

/** Appends literals until a block has enough tokens or the input ends. @returns the number of tokens */
export function takeBytes(end: i32): i32 {
  let tokens = 0;
  while (position < end && tokens < BLOCK_TOKENS) addByte(tokens++, position++);
  return tokens;
}

/** Moves complete bytes to the output. */
function flush(): void {
  store<u64>(output, bits);
  output += i32(bitCount >>> 3);
  bits >>= bitCount & ~7;
  bitCount &= 7;
}

/** Writes the lowest `length` bits of a value, at most 32. */
export function put(value: u32, length: u32): void {
  bits |= u64(value) << bitCount;
  bitCount += length;
  flush();
}

/** Joins the code of each match length with its extra bits. */
function joinLengths(): void {
  for (let length = MIN_LENGTH; length <= MAX_LENGTH; length++) {
    const symbol = i32(load<u8>(LENGTH_SYMBOLS + length));
    const code = load<u32>(LITERAL_CODES + (FIRST_LENGTH + symbol) * 4);
    const extra = load<u32>(LENGTH_EXTRAS + symbol * 4);
    const joined = (code & 0xffff) | ((length - (extra & 0xffff)) << (code >>> 16));
    store<u32>(LENGTH_CODES + length * 4, joined | (((code >>> 16) + (extra >>> 16)) << 24));
  }
}

/** Writes the first tokens with the current codes. */
export function writeTokens(tokens: i32): void {
  joinLengths();
  // Local variables: globals would be loaded and stored for each token.
  let to = output;
  let pending = bits;
  let count = bitCount;
  for (let i = 0; i < tokens; i++) {
    const token = load<u32>(TOKENS + i * 4);
    if (token < 256) {
      const code = load<u32>(LITERAL_CODES + token * 4);
      pending |= u64(code & 0xffff) << count;
      count += code >>> 16;
    } else {
      const length = load<u32>(LENGTH_CODES + (token >>> DISTANCE_BITS) * 4);
      pending |= u64(length & 0xffffff) << count;
      count += length >>> 24;
      const less = token & ((1 << DISTANCE_BITS) - 1);
      const distanceIs = distanceSymbol(less);
      const distanceCode = load<u32>(DISTANCE_CODES + distanceIs * 4);
      pending |= u64(distanceCode & 0xffff) << count;
      count += distanceCode >>> 16;
      const distanceExtra = load<u32>(DISTANCE_EXTRAS + distanceIs * 4);
      pending |= u64(less + 1 - (distanceExtra & 0xffff)) << count;
      count += distanceExtra >>> 16;
    }
    store<u64>(to, pending);
    to += i32(count >>> 3);
    pending >>= count & ~7;
    count &= 7;
  }
  output = to;
  bits = pending;
  bitCount = count;
}

/** Pads the output to a byte boundary with an empty stored block. @returns the offset of its end */
export function finish(): i32 {
  put(0, 3);
  if (bitCount > 0) put(0, 8 - u32(bitCount));
  put(0xffff0000, 32);
  return output;
}
