/** CRC-32C (RFC 3720, appendix B.4), masked as in TensorFlow's records. */

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? n >>> 1 ^ 0x82f63b78 : n >>> 1;
  return n;
});

/** Computes the masked checksum of bytes. */
export function maskedCrc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = TABLE[(crc ^ bytes[i]!) & 0xff]! ^ crc >>> 8;
  crc = ~crc >>> 0;
  return ((crc >>> 15 | crc << 17) + 0xa282ead8) >>> 0;
}
