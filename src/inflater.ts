/** Inflates raw DEFLATE (RFC 1951) with Node's zlib, piece by piece, and reports how many bytes of each piece it used. */

import zlib from "node:zlib";

/** The inflated chunks of a piece, and how many of its bytes were used: less than all if the stream ends in it. */
export interface Inflated {
  readonly chunks: readonly Uint8Array[];
  readonly used: number;
}

/** Inflates one stream on this thread. A piece yields at most 1032 times its size. */
export class Inflater implements Disposable {
  readonly #stream: zlib.InflateRaw;
  #chunks: Uint8Array[] = [];
  #failed: ((error: Error) => void) | undefined;
  /** Whether the stream has ended. This is known once a byte follows, such as the checksum of gzip or zlib. */
  ended = false;

  /** @param chunkBytes the size of a chunk of inflated bytes */
  constructor(chunkBytes: number) {
    this.#stream = zlib.createInflateRaw({ chunkSize: chunkBytes });
    // Node's Buffer has a slow subarray(), which a reader of small files calls for each of them.
    this.#stream.on("data", ({ buffer, byteOffset, length }: Uint8Array) => {
      this.#chunks.push(new Uint8Array(buffer, byteOffset, length));
    });
    this.#stream.on("error", (error: Error) => this.#failed?.(error));
  }

  /** Inflates the next piece. @throws {Error} zlib's, if the stream is corrupt */
  async inflate(piece: Uint8Array): Promise<Inflated> {
    const before = this.#stream.bytesWritten;
    await new Promise<void>((resolve, reject) => {
      this.#failed = reject;
      this.#stream.write(piece, () => resolve());
    });
    const used = this.#stream.bytesWritten - before;
    this.ended = used < piece.length;
    const chunks = this.#chunks;
    this.#chunks = [];
    return { chunks, used };
  }

  [Symbol.dispose](): void {
    this.#stream.destroy();
  }
}
