/**
 * Writes small files in batches, on several threads. Most of the time for one goes into system calls, which threads make in parallel.
 *
 * This thread writes batches as well while there is no room for another one. That bounds memory, whatever the number of files.
 */

import { reasonOf } from "../../errors.ts";
import { ArchiveError } from "../errors.ts";
import { Batch, type SmallFile } from "./batch.ts";
import { BatchQueue, type SharedBatches } from "./queue.ts";
import { BatchWriter, FileError } from "./write_batch.ts";

/** What a thread needs to know. */
export interface ThreadRequest {
  /** The absolute path of the folder. */
  readonly root: string;
  readonly shared: SharedBatches;
}

/** What a thread reports when it ends. */
export interface ThreadResult {
  /** The file that can't be written; the thread skips the rest of the batch. */
  readonly failure?: { readonly path: string; readonly reason: string };
}

/** In addition to this thread. */
const MAX_THREADS = 3;
/** The batch with which the first one starts. Starting a thread blocks this one for some 40 ms, in which it can write more than the batches before. */
const THREAD_FROM = 4;
/** Another one starts each time that this thread has written so many batches because there was no room for the next. */
const OWN_BATCHES = 8;

/** Collects files into batches and writes them. */
export class Batches implements AsyncDisposable {
  readonly #root: string;
  readonly #writer: BatchWriter;
  readonly #queue = new BatchQueue();
  readonly #threads: Worker[] = [];
  /** The batch that is being filled, and its number in the queue. */
  #slot = 0;
  #batch = new Batch(this.#queue.bytes(0));
  /** How many batches were filled so far, and how many of them this thread has written meanwhile. */
  #filled = 0;
  #written = 0;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  /** @param root the folder's absolute path */
  constructor(root: string) {
    this.#root = root;
    this.#writer = new BatchWriter(root);
  }

  /**
   * Adds a file that {@linkcode Batch.fits}. Its content must follow before the next file: see {@linkcode append}.
   *
   * @throws {ArchiveError} if a file that was added before can't be written
   */
  add(file: SmallFile): void {
    if (!this.#batch.hasRoom(file)) this.#send();
    this.#batch.add(file);
  }

  /** Adds a part of the latest file's content: `bytes` from `start` to `end`. */
  append(bytes: Uint8Array, start: number, end: number): void {
    this.#batch.append(bytes, start, end);
  }

  /** Returns a promise that rejects if a file can't be written; undefined if all is well so far. */
  ready(): Promise<void> | undefined {
    return this.#failure === undefined && !this.#queue.hasFailed() ? undefined : this.#settle();
  }

  /** Resolves when all files are written. @throws {ArchiveError} if one can't be written */
  async finish(): Promise<void> {
    if (this.#batch.used > 0) this.#queue.put(this.#slot, this.#batch.used);
    this.#queue.close();
    let more = true;
    while (more && !this.#queue.hasFailed()) more = this.#write();
    await this.#settle();
  }

  /** Ends the threads as soon as none of them is writing. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#queue.clear();
    this.#queue.close();
    while (this.#queue.isBusy() && !(this.#failure instanceof ThreadError)) await this.#next();
    for (const thread of this.#threads) thread.terminate();
    this.#writer[Symbol.dispose]();
  }

  #send(): void {
    this.#queue.put(this.#slot, this.#batch.used);
    if (++this.#filled === THREAD_FROM) this.#startThread();
    let slot = this.#queue.empty();
    while (slot === undefined) {
      if (this.#write() && ++this.#written % OWN_BATCHES === 0) this.#startThread();
      slot = this.#queue.empty();
    }
    this.#slot = slot;
    this.#batch = new Batch(this.#queue.bytes(slot));
  }

  /** Writes a batch on this thread. @returns false if none waits */
  #write(): boolean {
    try {
      return this.#queue.writeNext(this.#writer);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      throw cantWrite(error.path, reasonOf(error.cause));
    }
  }

  /** Waits until no thread is writing. @throws {ArchiveError} if one could not write a file */
  async #settle(): Promise<void> {
    // The message of a thread that failed arrives later than the flag.
    while (this.#failure === undefined && (this.#queue.isBusy() || this.#queue.hasFailed())) await this.#next();
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Starts a thread, unless there are as many as this machine has processors for. */
  #startThread(): void {
    if (this.#threads.length >= Math.min(MAX_THREADS, navigator.hardwareConcurrency - 1)) return;
    const file = Deno.build.standalone ? "../threads/files_worker.js" : "./worker.ts";
    const worker = new Worker(new URL(file, import.meta.url), { type: "module" });
    worker.onmessage = ({ data: { failure } }: MessageEvent<ThreadResult>) => {
      if (failure !== undefined) this.#failure ??= cantWrite(failure.path, failure.reason);
      this.#wake?.();
    };
    worker.onerror = (event) => {
      event.preventDefault();
      this.#failure = new ThreadError(`A thread that writes files failed: ${event.message}`);
      this.#wake?.();
    };
    const request: ThreadRequest = { root: this.#root, shared: this.#queue.shared };
    worker.postMessage(request);
    this.#threads.push(worker);
  }

  /** Waits for a thread to end. */
  #next(): Promise<void> {
    return new Promise((resolve) => this.#wake = resolve);
  }
}

class ThreadError extends Error {}

function cantWrite(path: string, reason: string): ArchiveError {
  return new ArchiveError(`can't be unpacked: '${path}' can't be written: ${reason}`);
}
