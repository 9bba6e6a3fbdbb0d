/**
 * The two loops of deflate that take nearly all of its time, in AssemblyScript: the search for matches, and the writing of codes.
 * The rest is TypeScript (`../deflater.ts`, `../block_writer.ts`), which shares this memory.
 *
 * `scripts/deno task wasm` compiles this file to `../loops_wasm.ts`.
 */

// The layout of the memory: offsets in bytes.

/** The block, after the bytes that it may refer to. */
export const INPUT: i32 = 1024;
/** The size of that, in bytes. */
export const MAX_INPUT: i32 = 32 * 1024 + 1024 * 1024;
/** The last position of each hash of four bytes, an i32 each. */
const LAST: i32 = INPUT + MAX_INPUT + 64;
const HASH_BITS: i32 = 15;
/** For each position in the window, the previous one with the same hash, an i32 each. */
const BEFORE: i32 = LAST + (4 << HASH_BITS);
const WINDOW: i32 = 32 * 1024;
/** What a deflate block is to hold, a u32 each: a byte, or `length << 15 | distance - 1`. */
const TOKENS: i32 = BEFORE + 4 * WINDOW;
/** Ends a block, which may hold one token more: shorter blocks have codes that fit better, longer ones have fewer codes. */
const BLOCK_TOKENS: i32 = 16 * 1024;
/** How often each literal or length symbol occurs among the tokens, a u32 each. */
export const LITERAL_COUNTS: i32 = TOKENS + 4 * (BLOCK_TOKENS + 1);
/** How often each distance symbol occurs, a u32 each. */
export const DISTANCE_COUNTS: i32 = LITERAL_COUNTS + 4 * 286;
/** The code of each literal or length symbol, a u32 each: its bits, and from bit 16 on their number. */
export const LITERAL_CODES: i32 = DISTANCE_COUNTS + 4 * 30;
/** The code of each distance symbol, in the same form. */
export const DISTANCE_CODES: i32 = LITERAL_CODES + 4 * 286;
/** The symbol of each length, a u8 each. */
export const LENGTH_SYMBOLS: i32 = DISTANCE_CODES + 4 * 30;
/** The symbols of distances, a u8 each, where `distanceSymbol` looks for them. */
export const DISTANCE_SYMBOLS: i32 = LENGTH_SYMBOLS + 264;
/** The least length of each symbol, and from bit 16 on the number of its extra bits, a u32 each. */
export const LENGTH_EXTRAS: i32 = DISTANCE_SYMBOLS + 512;
/** The least distance of each symbol, in the same form. */
export const DISTANCE_EXTRAS: i32 = LENGTH_EXTRAS + 4 * 29;
/** The compressed bytes: no token takes more than twice the bytes that it stands for. */
export const OUTPUT: i32 = DISTANCE_EXTRAS + 4 * 30;
/** The size of all this, in bytes; the task `wasm` asks for as many pages. */
export const MEMORY: i32 = OUTPUT + 2 * MAX_INPUT + BLOCK_TOKENS;

const MIN_LENGTH: i32 = 4;
const MAX_LENGTH: i32 = 258;
const FIRST_LENGTH: i32 = 257;
const DISTANCE_BITS: i32 = 15;
/** 2^32 divided by the golden ratio, which spreads what is multiplied by it. */
const HASH_FACTOR: u32 = 2_654_435_769;

/** What is looked at next, and a match that begins before it and may give way to a longer one. */
let position: i32 = 0;
let held: i32 = 0;
let heldDistance: i32 = 0;
/** Where the next byte is written; bits that do not fill one yet, and how many. */
let output: i32 = OUTPUT;
let bits: u64 = 0;
let bitCount: u64 = 0;

// @ts-ignore: decorator

function lastOf(four: u32): i32 {
  return LAST + i32((four * HASH_FACTOR) >>> (32 - HASH_BITS)) * 4;
}

// @ts-ignore: decorator

function beforeOf(at: i32): i32 {
  return BEFORE + (at & (WINDOW - 1)) * 4;
}

// @ts-ignore: decorator

function remember(at: i32): void {
  const place = lastOf(load<u32>(INPUT + at));
  store<i32>(beforeOf(at), load<i32>(place));
  store<i32>(place, at);
}

// @ts-ignore: decorator

function count(place: i32): void {
  store<u32>(place, load<u32>(place) + 1);
}

// @ts-ignore: decorator

function addByte(tokens: i32, at: i32): void {
  const byte = i32(load<u8>(INPUT + at));
  store<u32>(TOKENS + tokens * 4, byte);
  count(LITERAL_COUNTS + byte * 4);
}

// @ts-ignore: decorator

function distanceSymbol(less: i32): i32 {
  return load<u8>(DISTANCE_SYMBOLS + (less < 256 ? less : 256 + (less >>> 7)));
}

// @ts-ignore: decorator

function addMatch(tokens: i32, length: i32, distance: i32): void {
  store<u32>(TOKENS + tokens * 4, (length << DISTANCE_BITS) | (distance - 1));
  count(LITERAL_COUNTS + (FIRST_LENGTH + i32(load<u8>(LENGTH_SYMBOLS + length))) * 4);
  count(DISTANCE_COUNTS + distanceSymbol(distance - 1) * 4);
}

/** Begins with the block from `start` to `end`. */
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

/** Looks for matches until there are tokens enough for a block, or the input ends. Returns how many tokens there are. */
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
    // One more, and its place would be taken.
    const first = position - WINDOW + 1;
    const most = min(MAX_LENGTH, end - position);
    let best = max(MIN_LENGTH, held) - 1;
    let distance = 0;
    if (candidate >= first && best < most) {
      let rest = held > 0 ? chain >> 1 : chain;
      let tail = load<u32>(here + best - 3);
      do {
        const there = INPUT + candidate;
        // A longer match has both the end of the best one so far and the next byte.
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
      // What it saves in bytes, against the bits that a larger distance costs.
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

/** The length of the match of two places whose first MIN_LENGTH bytes are equal, up to `most`. */
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

/** A faster `parse`: tries one earlier position for each, and does not remember the positions inside matches. */
export function parseOnce(end: i32): i32 {
  const lastFour = end - MIN_LENGTH;
  let tokens = 0;
  let at = position;
  while (at <= lastFour && tokens < BLOCK_TOKENS) {
    const here = INPUT + at;
    const four = load<u32>(here);
    const place = lastOf(four);
    const candidate = load<i32>(place);
    store<i32>(place, at);
    const there = INPUT + candidate;
    if (at - candidate > WINDOW || load<u32>(there) != four) {
      addByte(tokens++, at++);
      continue;
    }
    const most = min(MAX_LENGTH, end - at);
    const length = matchLength(there, here, most);
    addMatch(tokens++, length, at - candidate);
    at += length;
  }
  if (at > lastFour) while (at < end && tokens < BLOCK_TOKENS) addByte(tokens++, at++);
  position = at;
  return tokens;
}

/** Takes bytes as they are until there are enough for a block, or the input ends. Returns how many there are. */
export function takeBytes(end: i32): i32 {
  let tokens = 0;
  while (position < end && tokens < BLOCK_TOKENS) addByte(tokens++, position++);
  return tokens;
}

// @ts-ignore: decorator

function flush(): void {
  store<u64>(output, bits);
  output += i32(bitCount >>> 3);
  bits >>= bitCount & ~7;
  bitCount &= 7;
}

/** Writes at most 32 bits. */
export function put(value: u32, length: u32): void {
  bits |= u64(value) << bitCount;
  bitCount += length;
  flush();
}

/** Writes tokens, in the codes that there are now. */
export function writeTokens(tokens: i32): void {
  // Globals would be loaded and stored for each token.
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
      const length = token >>> DISTANCE_BITS;
      const lengthIs = u32(load<u8>(LENGTH_SYMBOLS + length));
      const lengthCode = load<u32>(LITERAL_CODES + (FIRST_LENGTH + lengthIs) * 4);
      pending |= u64(lengthCode & 0xffff) << count;
      count += lengthCode >>> 16;
      const lengthExtra = load<u32>(LENGTH_EXTRAS + lengthIs * 4);
      pending |= u64(length - (lengthExtra & 0xffff)) << count;
      count += lengthExtra >>> 16;
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

/** Ends at a byte, with an empty stored block. Returns where the output ends. */
export function finish(): i32 {
  put(0, 3);
  if (bitCount > 0) put(0, 8 - u32(bitCount));
  put(0xffff0000, 32);
  return output;
}
