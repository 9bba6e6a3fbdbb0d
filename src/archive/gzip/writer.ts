/**
 * Writes one gzip member (RFC 1952) whose blocks several threads compress.
 *
 * 1. The owner fills buffers of one block each, in place. A full buffer goes to a thread and comes back empty. The number of
 *    buffers is fixed, and with it the memory, whatever the size of the input.
 * 2. A compressed block depends on nothing but its bytes and the 32 KiB before them: the same input gives the same output with
 *    any number of threads.
 * 3. Compressed blocks are written in the order of the input.
 */

import { WINDOW_BYTES } from "../deflate/mod.ts";
import { BLOCK_BYTES, type BlockRequest, type BlockResponse, respond } from "./block.ts";
import { joinCrc } from "./crc.ts";

/** How many blocks are queued for a thread, to keep it busy. */
const BLOCKS_PER_THREAD = 3;

/** Deflate, no name, no time, system unknown (RFC 1952, section 2.3). */
const HEADER = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255);
/** An empty last block with the fixed codes. */
const LAST_BLOCK = Uint8Array.of(3, 0);

/** How a member is written. */
export interface GzipWriterOptions {
  /** From 0 (no compression) to 9. */
  readonly level: number;
  /** The number of threads; 0 compresses on the caller's thread. */
  readonly threads: number;
  /** Writes a part of the output. When it resolves, the buffer is reused and the next part follows. */
  readonly write: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>;
}

/** A gzip member that is being written. */
export class GzipWriter implements Disposable {
  readonly #options: GzipWriterOptions;
  readonly #threads: Worker[];
  readonly #free: ArrayBuffer[] = [];
  /** Compressed blocks whose predecessors are not written yet, by index. */
  readonly #compressed = new Map<number, BlockResponse>();
  #buffer: Uint8Array<ArrayBuffer>;
  /** The offsets in the buffer where the current block starts, and where its content ends so far. */
  #start = 0;
  #end = 0;
  #submitted = 0;
  #written = 0;
  #writing = false;
  #crc = 0;
  #length = 0;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(options: GzipWriterOptions) {
    this.#options = options;
    this.#threads = Array.from({ length: options.threads }, () => this.#startThread());
    const buffers = 1 + options.threads * BLOCKS_PER_THREAD;
    for (let i = 0; i < buffers; i++) this.#free.push(new ArrayBuffer(WINDOW_BYTES + BLOCK_BYTES));
    this.#buffer = new Uint8Array(this.#free.pop()!);
  }

  /** The free space for the next bytes of the input; never empty. */
  get space(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(this.#end, this.#start + BLOCK_BYTES);
  }

  /**
   * Appends the `count` bytes that the caller has put into {@linkcode space}. If it returns a promise, there is no space until it
   * resolves; it rejects if the output can't be written.
   */
  advance(count: number): Promise<void> | undefined {
    this.#end += count;
    return this.#end === this.#start + BLOCK_BYTES ? this.#beginBlock() : undefined;
  }

  /** Appends all of `bytes`. If it returns a promise, wait for it, as with {@linkcode advance}. */
  add(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#end + bytes.length >= this.#start + BLOCK_BYTES) return this.#addInParts(bytes);
    this.#buffer.set(bytes, this.#end);
    this.#end += bytes.length;
    return undefined;
  }

  async #addInParts(bytes: Uint8Array): Promise<void> {
    for (let offset = 0; offset < bytes.length;) {
      const { space } = this;
      const count = Math.min(space.length, bytes.length - offset);
      space.set(bytes.subarray(offset, offset + count));
      offset += count;
      await this.advance(count);
    }
  }

  /** Ends the member, and resolves when all of it is written; rejects if that fails. */
  async close(): Promise<void> {
    if (this.#end > this.#start) this.#submit();
    await this.#until(() => this.#written === this.#submitted);
    if (this.#written === 0) await this.#options.write(HEADER);
    const end = new Uint8Array(LAST_BLOCK.length + 8);
    end.set(LAST_BLOCK);
    const view = new DataView(end.buffer, LAST_BLOCK.length);
    view.setUint32(0, this.#crc, true);
    view.setUint32(4, this.#length % 2 ** 32, true);
    await this.#options.write(end);
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    for (const thread of this.#threads.splice(0)) thread.terminate();
  }

  async #beginBlock(): Promise<void> {
    const window = this.#buffer.slice(this.#end - WINDOW_BYTES, this.#end);
    this.#submit();
    await this.#until(() => this.#free.length > 0);
    this.#buffer = new Uint8Array(this.#free.pop()!);
    this.#buffer.set(window);
    this.#start = this.#end = WINDOW_BYTES;
  }

  /** Passes the current block to a thread. */
  #submit(): void {
    const request: BlockRequest = {
      index: this.#submitted++,
      buffer: this.#buffer.buffer,
      start: this.#start,
      end: this.#end,
      level: this.#options.level,
    };
    const thread = this.#threads[request.index % this.#threads.length];
    if (thread === undefined) this.#take(respond(request));
    else thread.postMessage(request, [request.buffer]);
  }

  #startThread(): Worker {
    const file = Deno.build.standalone ? "../threads/gzip_worker.js" : "./worker.ts";
    const thread = new Worker(new URL(file, import.meta.url), { type: "module" });
    thread.onmessage = ({ data }: MessageEvent<BlockResponse>) => this.#take(data);
    thread.onerror = (event) => {
      event.preventDefault();
      this.#fail(new Error(`A thread that compresses failed: ${event.message}`));
    };
    return thread;
  }

  #take(block: BlockResponse): void {
    this.#compressed.set(block.index, block);
    if (!this.#writing) this.#writeBlocks().catch((error) => this.#fail(error));
  }

  /** Writes blocks in order, and frees their buffers after that: a slow output slows down reading and compressing. */
  async #writeBlocks(): Promise<void> {
    this.#writing = true;
    for (let block = this.#takeNext(); block !== undefined; block = this.#takeNext()) {
      if (block.index === 0) await this.#options.write(HEADER);
      await this.#options.write(new Uint8Array(block.buffer, 0, block.compressedLength));
      this.#crc = joinCrc(this.#crc, block.crc, block.length);
      this.#length += block.length;
      this.#free.push(block.buffer);
      this.#written++;
      this.#wake?.();
    }
    this.#writing = false;
  }

  #takeNext(): BlockResponse | undefined {
    const block = this.#compressed.get(this.#written);
    this.#compressed.delete(this.#written);
    return block;
  }

  /** Waits until `condition` holds. @throws the error of a write or a thread */
  async #until(condition: () => boolean): Promise<void> {
    while (this.#failure === undefined && !condition()) await new Promise<void>((resolve) => this.#wake = resolve);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake?.();
  }
}
