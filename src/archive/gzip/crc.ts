/** CRC-32 of gzip (RFC 1952, section 8) for parts that are computed apart and then joined. */

/** The polynomial, lowest power in the highest bit, as the CRC itself is. */
const POLYNOMIAL = 0xedb8_8320;

/** Powers whose exponents are those of 2, squared step by step, give any power in a few multiplications. */
const ONE = 0x8000_0000;
const X8 = 0x0080_0000;

/** The CRC of two parts that follow each other, from the CRC of each, and the length of the second in bytes. */
export function joinCrc(first: number, second: number, secondLength: number): number {
  return (multiply(power(secondLength), first) ^ second) >>> 0;
}

/** What a CRC is multiplied by when `bytes` zeros follow: x to the power of `8 * bytes`. */
function power(bytes: number): number {
  let result = ONE;
  let base = X8;
  for (let rest = bytes; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = multiply(base, result);
    base = multiply(base, base);
  }
  return result;
}

/** Multiplies two polynomials over GF(2), modulo that of the CRC. */
function multiply(a: number, b: number): number {
  let product = 0;
  for (let bit = 31; bit >= 0; bit--) {
    if ((a >>> bit) & 1) product ^= b;
    b = b & 1 ? (b >>> 1) ^ POLYNOMIAL : b >>> 1;
  }
  return product >>> 0;
}
