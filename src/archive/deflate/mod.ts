/**
 * A DEFLATE compressor (RFC 1951) whose output depends on its input and level alone. `node:zlib` is zlib-ng, which finds different
 * matches on processors with different instructions, so the same files would make archives with different digests.
 */

export { Deflater } from "./deflater.ts";
export { WINDOW_BYTES } from "./symbols.ts";
