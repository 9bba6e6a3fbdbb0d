/**
 * Writes small files in batches, on several threads. Most of the time for one goes into system calls, which threads make in parallel.
 *
 * This thread writes a batch itself while the others have enough to do. That bounds memory, whatever the number of files.
 */

import { reasonOf } from "../../errors.ts";
import { ArchiveError } from "../errors.ts";
import { Batch, type SmallFile } from "./batch.ts";
import { BatchWriter, FileError } from "./write_batch.ts";

/** A batch for a thread to write. */
export interface BatchRequest {
  /** The absolute path of the folder. */
  readonly root: string;
  /** The used part of a {@linkcode Batch}'s buffer. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The number of batches queued for the thread, which decrements it after each. */
  readonly waiting: Int32Array<SharedArrayBuffer>;
}

/** What a thread reports about a batch. */
export interface BatchResult {
  /** The file that can't be written; the thread skips the rest of the batch. */
  readonly failure?: { readonly path: string; readonly reason: string };
}

/** In addition to this thread. */
const MAX_THREADS = 3;
/** How many batches are queued for a thread, to keep it busy. */
const BATCHES_PER_THREAD = 2;

/** Collects files into batches and writes them. */
export class Batches implements AsyncDisposable {
  readonly #root: string;
  readonly #writer: BatchWriter;
  readonly #threads: Thread[] = [];
  readonly #batch = new Batch();
  #unanswered = 0;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  /** @param root the folder's absolute path */
  constructor(root: string) {
    this.#root = root;
    this.#writer = new BatchWriter(root);
    const count = Math.min(MAX_THREADS, navigator.hardwareConcurrency - 1);
    for (let i = 0; i < count; i++) this.#threads.push(this.#startThread());
  }

  /**
   * Adds a file that {@linkcode Batch.fits}, and returns the space for its content, which must be filled before the next call.
   *
   * @throws {ArchiveError} if a file that was added before can't be written
   */
  add(file: SmallFile): Uint8Array<ArrayBuffer> {
    if (!this.#batch.hasRoom(file)) this.#send();
    return this.#batch.add(file);
  }

  /** Returns a promise that rejects if a file can't be written; undefined if all is well so far. */
  ready(): Promise<void> | undefined {
    return this.#failure && Promise.reject(this.#failure);
  }

  /** Resolves when all files are written. @throws {ArchiveError} if one can't be written */
  async finish(): Promise<void> {
    this.#send();
    while (this.#failure === undefined && this.#unanswered > 0) await this.#next();
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Ends the threads as soon as none of them is writing. */
  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#unanswered > 0 && !(this.#failure instanceof ThreadError)) await this.#next();
    for (const { worker } of this.#threads) worker.terminate();
    this.#writer[Symbol.dispose]();
  }

  #send(): void {
    const { bytes, used, files } = this.#batch;
    if (files === 0) return;
    const thread = this.#threads.find(({ waiting }) => Atomics.load(waiting, 0) < BATCHES_PER_THREAD);
    if (thread === undefined) {
      this.#write(bytes, used);
    } else {
      const { worker, waiting } = thread;
      // A new buffer of full size per batch would be garbage of many times the size of what it holds.
      const copy = bytes.slice(0, used);
      const request: BatchRequest = { root: this.#root, bytes: copy, waiting };
      Atomics.add(waiting, 0, 1);
      this.#unanswered++;
      worker.postMessage(request, [copy.buffer]);
    }
    this.#batch.clear();
  }

  #write(bytes: Uint8Array<ArrayBuffer>, used: number): void {
    try {
      this.#writer.write(bytes, used);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      throw cantWrite(error.path, reasonOf(error.cause));
    }
  }

  #startThread(): Thread {
    const file = Deno.build.standalone ? "../threads/files_worker.js" : "./worker.ts";
    const worker = new Worker(new URL(file, import.meta.url), { type: "module" });
    worker.onmessage = ({ data: { failure } }: MessageEvent<BatchResult>) => {
      this.#unanswered--;
      if (failure !== undefined) this.#failure ??= cantWrite(failure.path, failure.reason);
      this.#wake?.();
    };
    worker.onerror = (event) => {
      event.preventDefault();
      this.#failure = new ThreadError(`A thread that writes files failed: ${event.message}`);
      this.#wake?.();
    };
    return { worker, waiting: new Int32Array(new SharedArrayBuffer(4)) };
  }

  #next(): Promise<void> {
    return new Promise((resolve) => this.#wake = resolve);
  }
}

interface Thread {
  readonly worker: Worker;
  /** The number of batches queued for it. */
  readonly waiting: Int32Array<SharedArrayBuffer>;
}

class ThreadError extends Error {}

function cantWrite(path: string, reason: string): ArchiveError {
  return new ArchiveError(`can't be unpacked: '${path}' can't be written: ${reason}`);
}
