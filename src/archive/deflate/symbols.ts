/** The symbols of deflate for lengths and distances (RFC 1951, section 3.2.5), each with the extra bits that follow it. */

/** How far back a match may begin, in bytes. */
export const WINDOW_BYTES = 32 * 1024;
/** The longest match, in bytes. */
export const MAX_LENGTH = 258;

/** The symbol that ends a block. */
export const END_OF_BLOCK = 256;
/** The symbol of the shortest length; all below are literal bytes. */
export const FIRST_LENGTH = 257;
/** The number of symbols for bytes, lengths and the end of a block. */
export const LITERAL_SYMBOLS = 286;
/** The number of symbols for distances. */
export const DISTANCE_SYMBOLS = 30;

/** The least length of each symbol from {@linkcode FIRST_LENGTH} on. */
export const lengthBase = new Uint16Array(29);
/** The number of extra bits of each length symbol; their value is added to {@linkcode lengthBase}. */
export const lengthExtra = new Uint8Array(29);
/** The least distance of each symbol. */
export const distanceBase = new Uint16Array(DISTANCE_SYMBOLS);
/** The number of extra bits of each distance symbol; their value is added to {@linkcode distanceBase}. */
export const distanceExtra = new Uint8Array(DISTANCE_SYMBOLS);
/** The symbol of each length, counted from {@linkcode FIRST_LENGTH}. */
export const lengthSymbol = new Uint8Array(MAX_LENGTH + 1);
/** The symbols of distances up to 256, then of every 128th greater one; see {@linkcode distanceIndex}. */
export const distanceSymbol = new Uint8Array(256 + WINDOW_BYTES / 128);

/** The index in {@linkcode distanceSymbol} of a distance's symbol. */
function distanceIndex(distance: number): number {
  return distance <= 256 ? distance - 1 : 256 + ((distance - 1) >> 7);
}

let length = 3;
for (let symbol = 0; symbol < 28; symbol++) {
  lengthBase[symbol] = length;
  lengthExtra[symbol] = Math.max(0, (symbol >> 2) - 1);
  const next = length + (1 << lengthExtra[symbol]!);
  while (length < next) lengthSymbol[length++] = symbol;
}
// The longest match has a symbol of its own.
lengthBase[28] = MAX_LENGTH;
lengthSymbol[MAX_LENGTH] = 28;

let distance = 1;
for (let symbol = 0; symbol < DISTANCE_SYMBOLS; symbol++) {
  distanceBase[symbol] = distance;
  distanceExtra[symbol] = Math.max(0, (symbol >> 1) - 1);
  const next = distance + (1 << distanceExtra[symbol]!);
  while (distance < next) distanceSymbol[distanceIndex(distance++)] = symbol;
}
