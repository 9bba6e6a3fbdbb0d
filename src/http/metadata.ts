/** Encodes the metadata of a request for a worker. */

import { HttpProblem } from "./problem.ts";
import { MAX_TEXT_BYTES } from "./request_context.ts";

/** The most pairs of header values whose encoded metadata is cached. */
const MAX_CACHED = 256;
/** The longest metadata in bytes: a frame holds the request's context as well. */
const MAX_METADATA_BYTES = 0xffff - 1 - MAX_TEXT_BYTES;

/**
 * Makes an encoder of the headers Content-Type and Accept. It caches its results, since most requests have the same two values.
 *
 * @param more what else the metadata of each request has
 * @returns a function that throws an HttpProblem (431) if the headers are too long
 */
export function metadataEncoder(
  more: { readonly timing?: true } = {},
): (contentType: string, accept: string) => Uint8Array<ArrayBuffer> {
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
      metadata = encoder.encode(JSON.stringify({ content_type: contentType, accept, ...more }));
      if (metadata.length > MAX_METADATA_BYTES) {
        throw new HttpProblem(431, "The headers Content-Type and Accept are too long");
      }
      if (cache.size < MAX_CACHED) cache.set(key, metadata);
    }
    [lastType, lastAccept, last] = [contentType, accept, metadata];
    return metadata;
  };
}

/** The encoders of a route. */
export interface MetadataEncoders {
  readonly plain: ReturnType<typeof metadataEncoder>;
  /** For requests whose answer is to have the times of the stages. */
  readonly timed: ReturnType<typeof metadataEncoder>;
}

/** Makes the encoders of a route. */
export function metadataEncoders(): MetadataEncoders {
  return { plain: metadataEncoder(), timed: metadataEncoder({ timing: true }) };
}
