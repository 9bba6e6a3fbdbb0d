/** Node's inflater of raw deflate (RFC 1951), called like a function: it is given pieces, and says how much of them it used. */

import zlib from "node:zlib";

/** What a piece inflated to, and how many of its bytes were used: fewer than all behind the end of what was deflated. */
export interface Inflated {
  readonly chunks: readonly Uint8Array[];
  readonly used: number;
}

/** Inflates one deflated stream, on this thread: at most 1032 times as many bytes come out of a piece. */
export class Inflater implements Disposable {
  readonly #stream: zlib.InflateRaw;
  #chunks: Uint8Array[] = [];
  #failed: ((error: Error) => void) | undefined;
  /** Whether all that was deflated has been inflated. It is known when something follows, as in gzip and zlib a checksum does. */
  ended = false;

  /** @param chunkBytes inflated bytes that come in one piece */
  constructor(chunkBytes: number) {
    this.#stream = zlib.createInflateRaw({ chunkSize: chunkBytes });
    this.#stream.on("data", (chunk: Uint8Array) => this.#chunks.push(chunk));
    this.#stream.on("error", (error: Error) => this.#failed?.(error));
  }

  /** Inflates the next piece. @throws {Error} if it can't be inflated */
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
