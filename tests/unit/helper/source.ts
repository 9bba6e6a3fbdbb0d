/** Bytes as a source that is read from. */

import type { ByteSource } from "../../../src/archive/gzip/reader.ts";

/** Gives `bytes`, at most `size` at a time. */
export function sourceOf(bytes: Uint8Array, size = Infinity): ByteSource {
  let offset = 0;
  return (space) => {
    if (offset === bytes.length) return null;
    const part = bytes.subarray(offset, offset + Math.min(size, space.length));
    space.set(part);
    offset += part.length;
    return part.length;
  };
}
