/**
 * SHA-256 (FIPS 180-4) in AssemblyScript. `../digests.ts` uses it for small contents.
 *
 * `scripts/deno task wasm` compiles this file to `../sha256_wasm.ts`.
 */

const BLOCK_BYTES: usize = 64;
/** The number of bits of the content comes last, as u64. */
const LENGTH_BYTES: usize = 8;

/** The longest content, in bytes. */
export const MAX_CONTENT: i32 = 512;
/** The content; there is room for its padding. */
export const CONTENT: usize = memory.data(MAX_CONTENT + 2 * 64, 16);
/** The digests of 32 bytes each, from here to the end of the memory, which the caller makes grow. */
export const DIGESTS: usize = __heap_base;

/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
const CONSTANTS: usize = memory.data<u32>([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
]);
/** The words of the message schedule, as u32. */
const WORDS: usize = memory.data(256, 16);

/** The state between blocks. At first: the same bits of the square roots of the first 8 primes. */
let s0: u32 = 0;
let s1: u32 = 0;
let s2: u32 = 0;
let s3: u32 = 0;
let s4: u32 = 0;
let s5: u32 = 0;
let s6: u32 = 0;
let s7: u32 = 0;

/** Mixes a block into the state. */
function mix(block: usize): void {
  for (let i: usize = 0; i < 64; i += 4) store<u32>(WORDS + i, bswap<u32>(load<u32>(block + i)));
  for (let i: usize = 64; i < 256; i += 4) {
    const x = load<u32>(WORDS + i - 4 * 15);
    const y = load<u32>(WORDS + i - 4 * 2);
    const low = rotr<u32>(x, 7) ^ rotr<u32>(x, 18) ^ (x >>> 3);
    const high = rotr<u32>(y, 17) ^ rotr<u32>(y, 19) ^ (y >>> 10);
    store<u32>(WORDS + i, load<u32>(WORDS + i - 4 * 16) + low + load<u32>(WORDS + i - 4 * 7) + high);
  }
  let a = s0, b = s1, c = s2, d = s3, e = s4, f = s5, g = s6, h = s7;
  for (let i: usize = 0; i < 256; i += 4) {
    const high = rotr<u32>(e, 6) ^ rotr<u32>(e, 11) ^ rotr<u32>(e, 25);
    const first = h + high + ((e & f) ^ (~e & g)) + load<u32>(CONSTANTS + i) + load<u32>(WORDS + i);
    const low = rotr<u32>(a, 2) ^ rotr<u32>(a, 13) ^ rotr<u32>(a, 22);
    const second = low + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = d + first;
    d = c;
    c = b;
    b = a;
    a = first + second;
  }
  s0 += a;
  s1 += b;
  s2 += c;
  s3 += d;
  s4 += e;
  s5 += f;
  s6 += g;
  s7 += h;
}

/** Writes the digest of the first `size` bytes of the content, at most MAX_CONTENT, to the place of the digest with this index. */
export function digest(size: usize, index: usize): void {
  s0 = 0x6a09e667;
  s1 = 0xbb67ae85;
  s2 = 0x3c6ef372;
  s3 = 0xa54ff53a;
  s4 = 0x510e527f;
  s5 = 0x9b05688c;
  s6 = 0x1f83d9ab;
  s7 = 0x5be0cd19;
  // A bit follows the content, then zeros up to the length at the end of a block.
  const end = CONTENT + (size + LENGTH_BYTES + BLOCK_BYTES) / BLOCK_BYTES * BLOCK_BYTES;
  memory.fill(CONTENT + size, 0, end - CONTENT - size);
  store<u8>(CONTENT + size, 0x80);
  store<u64>(end - LENGTH_BYTES, bswap<u64>(u64(size) * 8));
  for (let block = CONTENT; block < end; block += BLOCK_BYTES) mix(block);
  const output = DIGESTS + 32 * index;
  store<u32>(output, bswap<u32>(s0));
  store<u32>(output, bswap<u32>(s1), 4);
  store<u32>(output, bswap<u32>(s2), 8);
  store<u32>(output, bswap<u32>(s3), 12);
  store<u32>(output, bswap<u32>(s4), 16);
  store<u32>(output, bswap<u32>(s5), 20);
  store<u32>(output, bswap<u32>(s6), 24);
  store<u32>(output, bswap<u32>(s7), 28);
}
