/** Joins CRC-32s (RFC 1952, section 8) that were computed for consecutive parts. */

/** The polynomial with the lowest power in the highest bit, like the CRC itself. */
const POLYNOMIAL = 0xedb8_8320;

/** The polynomials 1 and x^8. */
const ONE = 0x8000_0000;
const X8 = 0x0080_0000;

/** The CRC of two consecutive parts, from the CRC of each. @param secondLength in bytes */
export function joinCrc(first: number, second: number, secondLength: number): number {
  return (multiply(power(secondLength), first) ^ second) >>> 0;
}

/** The factor by which `bytes` zeros multiply a CRC: x to the power of `8 * bytes`. */
function power(bytes: number): number {
  let result = ONE;
  let base = X8;
  for (let rest = bytes; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = multiply(base, result);
    base = multiply(base, base);
  }
  return result;
}

/** Multiplies two polynomials over GF(2), modulo {@linkcode POLYNOMIAL}. */
function multiply(a: number, b: number): number {
  let product = 0;
  for (let bit = 31; bit >= 0; bit--) {
    if ((a >>> bit) & 1) product ^= b;
    b = b & 1 ? (b >>> 1) ^ POLYNOMIAL : b >>> 1;
  }
  return product >>> 0;
}
