/**
 * Batches in memory that threads share. One thread fills them, and every thread writes the next one that no other has taken.
 *
 * For thousands of batches of small files, this is much faster than messages: a thread that is busy needs no event loop.
 */

import { BATCH_BYTES } from "./batch.ts";
import type { BatchWriter } from "./write_batch.ts";

/** The memory of a queue, to be posted to a thread. */
export interface SharedBatches {
  readonly bytes: SharedArrayBuffer;
  readonly words: SharedArrayBuffer;
}

/** How many batches there are: enough work for all threads while the one that fills the batches does something else. */
const SLOTS = 16;

/** The first words: a number that changes when there is news for threads that wait, and two flags. */
const NEWS = 0;
const CLOSED = 1;
const FAILED = 2;
/** Then one word per batch: one of these two, or the number of bytes that wait to be written. */
const FIRST_SLOT = 3;
const EMPTY = 0;
const TAKEN = -1;

/** The batches, as one of the threads sees them. */
export class BatchQueue {
  readonly shared: SharedBatches;
  readonly #words: Int32Array<SharedArrayBuffer>;

  /** @param shared the memory of another thread's queue */
  constructor(shared?: SharedBatches) {
    this.shared = shared ?? {
      bytes: new SharedArrayBuffer(SLOTS * BATCH_BYTES),
      words: new SharedArrayBuffer((FIRST_SLOT + SLOTS) * Int32Array.BYTES_PER_ELEMENT),
    };
    this.#words = new Int32Array(this.shared.words);
  }

  /** The number of an empty batch; undefined if all wait or are being written. */
  empty(): number | undefined {
    for (let slot = 0; slot < SLOTS; slot++) if (this.#load(FIRST_SLOT + slot) === EMPTY) return slot;
    return undefined;
  }

  /** The memory of a batch. */
  bytes(slot: number): Uint8Array<SharedArrayBuffer> {
    return new Uint8Array(this.shared.bytes, slot * BATCH_BYTES, BATCH_BYTES);
  }

  /** Lets any thread write a batch. @param used how many bytes of it hold files, at least one */
  put(slot: number, used: number): void {
    Atomics.store(this.#words, FIRST_SLOT + slot, used);
    this.#tell();
  }

  /**
   * Writes a batch, unless none waits.
   *
   * @returns whether there was one
   * @throws {FileError} if a file of it can't be written; {@linkcode hasFailed} tells the other threads
   */
  writeNext(writer: BatchWriter): boolean {
    for (let slot = 0; slot < SLOTS; slot++) {
      const word = FIRST_SLOT + slot;
      const used = this.#load(word);
      if (used <= 0 || Atomics.compareExchange(this.#words, word, used, TAKEN) !== used) continue;
      try {
        writer.write(this.bytes(slot), used);
      } catch (error) {
        Atomics.store(this.#words, FAILED, 1);
        throw error;
      } finally {
        Atomics.store(this.#words, word, EMPTY);
      }
      return true;
    }
    return false;
  }

  /** Blocks this thread until a batch waits. @returns false once the queue is closed and none does */
  wait(): boolean {
    for (;;) {
      const news = this.#load(NEWS);
      for (let slot = 0; slot < SLOTS; slot++) if (this.#load(FIRST_SLOT + slot) > 0) return true;
      if (this.#load(CLOSED) !== 0) return false;
      Atomics.wait(this.#words, NEWS, news);
    }
  }

  /** Says that no more batches follow. */
  close(): void {
    Atomics.store(this.#words, CLOSED, 1);
    this.#tell();
  }

  /** Gives up the batches that no thread has taken. */
  clear(): void {
    for (let slot = 0; slot < SLOTS; slot++) {
      const used = this.#load(FIRST_SLOT + slot);
      if (used > 0) Atomics.compareExchange(this.#words, FIRST_SLOT + slot, used, EMPTY);
    }
  }

  /** Whether a thread is writing a batch. */
  isBusy(): boolean {
    for (let slot = 0; slot < SLOTS; slot++) if (this.#load(FIRST_SLOT + slot) === TAKEN) return true;
    return false;
  }

  /** Whether a thread could not write a file. */
  hasFailed(): boolean {
    return this.#load(FAILED) !== 0;
  }

  #load(word: number): number {
    return Atomics.load(this.#words, word);
  }

  #tell(): void {
    Atomics.add(this.#words, NEWS, 1);
    Atomics.notify(this.#words, NEWS);
  }
}
