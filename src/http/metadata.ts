/** Encodes the metadata of a request for a worker. */

import { HttpProblem } from "./problem.ts";
import { MAX_TEXT_BYTES } from "./request_context.ts";

/** Different pairs of headers whose metadata is kept encoded. */
const MAX_CACHED = 256;
/** What fits in a frame beside the request's context. */
const MAX_METADATA_BYTES = 0xffff - 1 - MAX_TEXT_BYTES;

/** Most requests have the same two headers: their metadata is encoded once. */
export function metadataEncoder(): (contentType: string, accept: string) => Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const cache = new Map<string, Uint8Array<ArrayBuffer>>();
  let [lastType, lastAccept] = ["", ""];
  let last: Uint8Array<ArrayBuffer> | undefined;
  return (contentType, accept) => {
    // Comparing both strings is faster than making the key.
    if (last !== undefined && contentType === lastType && accept === lastAccept) return last;
    // Headers hold no line breaks.
    const key = `${contentType}\n${accept}`;
    let metadata = cache.get(key);
    if (metadata === undefined) {
      metadata = encoder.encode(JSON.stringify({ content_type: contentType, accept }));
      if (metadata.length > MAX_METADATA_BYTES) {
        throw new HttpProblem(431, "The headers Content-Type and Accept are too long");
      }
      if (cache.size < MAX_CACHED) cache.set(key, metadata);
    }
    [lastType, lastAccept, last] = [contentType, accept, metadata];
    return metadata;
  };
}
