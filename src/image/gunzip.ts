/** Decompresses layers. */

import { createHash } from "node:crypto";
import { GzipReader } from "../archive/gzip/reader.ts";
import { ArchiveError } from "../archive/mod.ts";
import { ImageError } from "./errors.ts";
import type { BaseLayer, Stored } from "./store.ts";

/** Decompresses a stored layer with gzip, in chunks. @throws {ArchiveError} if it is damaged */
export function gunzip(stored: Stored): AsyncGenerator<Uint8Array> {
  return new GzipReader(sourceOf(stored.read())).read();
}

/** Decompresses the layers whose only digest is that of their content. @throws {ImageError} if one has another digest */
export async function checkDiffIds(layers: readonly BaseLayer[], label: string, signal: AbortSignal): Promise<void> {
  for (const { content, diffId, descriptor: { digest } } of layers) {
    if (content === undefined || diffId === undefined) continue;
    const hash = createHash(diffId.split(":")[0]!);
    try {
      for await (const chunk of gunzip(content)) {
        signal.throwIfAborted();
        hash.update(chunk);
      }
    } catch (error) {
      if (!(error instanceof ArchiveError) || signal.aborted) throw error;
      throw new ImageError(`The layer ${digest} of the base ${label} ${error.reason}`, { cause: error });
    }
    if (`${diffId.split(":")[0]}:${hash.digest("hex")}` !== diffId) {
      throw new ImageError(
        `The base ${label} is damaged: the content of its layer ${digest} has another digest than ${diffId}. Save the image again`,
      );
    }
  }
}

function sourceOf(chunks: Iterable<Uint8Array<ArrayBuffer>>): (space: Uint8Array) => number | null {
  const iterator = chunks[Symbol.iterator]();
  let chunk = new Uint8Array(0);
  return (space) => {
    if (chunk.length === 0) {
      const { value, done } = iterator.next();
      if (done) return null;
      chunk = value;
    }
    const count = Math.min(space.length, chunk.length);
    space.set(chunk.subarray(0, count));
    chunk = chunk.subarray(count);
    return count;
  };
}
