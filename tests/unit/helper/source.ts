/** Makes sources from bytes. */

import type { ByteSource } from "../../../src/archive/gzip/reader.ts";

/** Makes a source that returns `bytes`, at most `size` per read. */
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
