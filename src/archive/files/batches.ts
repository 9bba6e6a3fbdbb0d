/**
 * Writes small files on several threads. Most of the time for one goes into system calls, which threads make in parallel.
 *
 * The number of batches in flight is limited, which bounds memory whatever the number of files.
 */

import { ArchiveError } from "../errors.ts";
import type { BatchResult, SmallFile } from "./write_file.ts";

const MAX_THREADS = 4;
/** How many batches are queued for a thread, to keep it busy. */
const BATCHES_PER_THREAD = 4;
const BATCH_FILES = 128;
const BATCH_BYTES = 256 * 1024;

/** Collects files into batches and passes them to threads. */
export class Batches implements AsyncDisposable {
  readonly #root: string;
  readonly #threads: Worker[] = [];
  #buffer = new Uint8Array(BATCH_BYTES);
  #filled = 0;
  #files: SmallFile[] = [];
  #sent = 0;
  #done = 0;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(root: string) {
    this.#root = root;
    const count = Math.min(MAX_THREADS, navigator.hardwareConcurrency);
    for (let i = 0; i < count; i++) this.#threads.push(this.#startThread());
  }

  /** Returns space for a file's content. @param size in bytes, at most {@linkcode BATCH_BYTES} */
  space(size: number): Uint8Array<ArrayBuffer> {
    if (this.#filled + size > BATCH_BYTES) this.#send();
    const space = this.#buffer.subarray(this.#filled, this.#filled + size);
    this.#filled += size;
    return space;
  }

  /** Adds a file whose content is in the space that {@linkcode space} returned last. */
  add(file: SmallFile): void {
    this.#files.push(file);
    if (this.#files.length === BATCH_FILES) this.#send();
  }

  /** Returns a promise to wait for before another file is added, if all threads are busy; it rejects if a file can't be written. */
  ready(): Promise<void> | undefined {
    const most = this.#threads.length * BATCHES_PER_THREAD;
    if (this.#failure === undefined && this.#sent - this.#done < most) return undefined;
    return this.#until(() => this.#sent - this.#done < most);
  }

  /** Resolves when all files are written. @throws {ArchiveError} if one can't be written */
  async finish(): Promise<void> {
    this.#send();
    await this.#until(() => this.#sent === this.#done);
  }

  /** Ends the threads as soon as none of them is writing. */
  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#sent > this.#done && !(this.#failure instanceof ThreadError)) await this.#next();
    for (const thread of this.#threads) thread.terminate();
  }

  #send(): void {
    if (this.#files.length === 0) return;
    const batch = { id: this.#sent, root: this.#root, files: this.#files };
    this.#threads[this.#sent++ % this.#threads.length]!.postMessage(batch, [this.#buffer.buffer]);
    this.#buffer = new Uint8Array(BATCH_BYTES);
    this.#filled = 0;
    this.#files = [];
  }

  #startThread(): Worker {
    const file = Deno.build.standalone ? "../threads/files_worker.js" : "./worker.ts";
    const thread = new Worker(new URL(file, import.meta.url), { type: "module" });
    thread.onmessage = ({ data: { failure } }: MessageEvent<BatchResult>) => {
      this.#done++;
      if (failure !== undefined) {
        this.#failure ??= new ArchiveError(`can't be unpacked: '${failure.path}' can't be written: ${failure.reason}`);
      }
      this.#wake?.();
    };
    thread.onerror = (event) => {
      event.preventDefault();
      this.#failure = new ThreadError(`A thread that writes files failed: ${event.message}`);
      this.#wake?.();
    };
    return thread;
  }

  async #until(condition: () => boolean): Promise<void> {
    while (this.#failure === undefined && !condition()) await this.#next();
    if (this.#failure !== undefined) throw this.#failure;
  }

  #next(): Promise<void> {
    return new Promise((resolve) => this.#wake = resolve);
  }
}

class ThreadError extends Error {}
