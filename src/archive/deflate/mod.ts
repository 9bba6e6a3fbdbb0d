/**
 * A DEFLATE compressor (RFC 1951) whose output depends on nothing but input and level. `node:zlib` is zlib-ng, which finds different
 * matches on different processors: the same files would make archives with different digests.
 */

export { Deflater } from "./deflater.ts";
export { WINDOW_BYTES } from "./symbols.ts";
