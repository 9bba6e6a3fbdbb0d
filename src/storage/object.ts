/** Fetches one object into a file: a download that breaks off goes on where it ended. */

import { createHash, type Hash } from "node:crypto";
import { messageOf, reasonOf } from "../errors.ts";
import { StorageError } from "./errors.ts";
import {
  ATTEMPTS,
  pause,
  SILENCE_MS,
  silenceError,
  type StorageContext,
  type Store,
  type StoredObject,
} from "./store.ts";

/** For each of these bytes, a download may break off once more, in bytes: the longer it takes, the more often it is interrupted. */
const BYTES_PER_ATTEMPT = 64 * 1024 * 1024;

/** The most that gzip can compress. */
const MAX_RATIO = 1032;

/**
 * Fetches an object into a file, and checks its length and its checksum.
 *
 * @param uri the object, for messages
 * @param target the path of a file that does not exist
 * @throws {StorageError} if the object can't be fetched, or the file can't be written
 */
export async function fetchObject(
  store: Store,
  { bucket, object, uri }: { readonly bucket: string; readonly object: StoredObject; readonly uri: string },
  target: string,
  context: StorageContext,
): Promise<void> {
  using file = new TargetFile(target);
  let furthest = 0;
  for (let failures = 1;; failures++) {
    try {
      return await attempt(store, { bucket, object }, file, context.signal);
    } catch (error) {
      context.signal.throwIfAborted();
      if (error instanceof StorageError) throw error;
      furthest = Math.max(furthest, file.length);
      if (failures >= ATTEMPTS + Math.floor(furthest / BYTES_PER_ATTEMPT)) {
        throw new StorageError(`Could not fetch '${uri}': ${messageOf(error)}`, { cause: error });
      }
    }
    // All bytes have arrived, but they are not the right ones.
    if (object.isDecoded || file.length >= object.size) file.restart();
    await pause(Math.min(failures, ATTEMPTS), context);
  }
}

/** Receives the rest of an object. */
async function attempt(
  store: Store,
  { bucket, object }: { readonly bucket: string; readonly object: StoredObject },
  file: TargetFile,
  signal: AbortSignal,
): Promise<void> {
  const silence = new AbortController();
  const { start, body, isPlain } = await store.open(
    bucket,
    object,
    file.length,
    AbortSignal.any([signal, silence.signal]),
  );
  if (start !== file.length) file.restart();
  const limit = object.isDecoded ? object.size * MAX_RATIO : object.size;
  const reader = body.getReader();
  const stop = () => void reader.cancel().catch(() => {});
  let heardAt = performance.now();
  const timer = setInterval(() => {
    if (performance.now() - heardAt < SILENCE_MS) return;
    silence.abort(silenceError());
    stop();
  }, 1000);
  signal.addEventListener("abort", stop, { once: true });
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      heardAt = performance.now();
      if (file.length + next.value.length > limit) {
        file.restart();
        throw new Error(`received more than ${limit} bytes`);
      }
      file.write(next.value);
    }
    signal.throwIfAborted();
    silence.signal.throwIfAborted();
  } finally {
    clearInterval(timer);
    signal.removeEventListener("abort", stop);
    stop();
  }
  // A decoder has checked length and checksum of what it decompressed.
  if (object.isDecoded) return;
  if (file.length !== object.size) throw new Error(`received ${file.length} of ${object.size} bytes`);
  if (isPlain && object.md5 !== undefined && file.md5() !== object.md5) throw new Error("its checksum does not match");
}

/** The file that receives an object. */
class TargetFile implements Disposable {
  /** The number of bytes that were written. */
  length = 0;
  readonly #path: string;
  readonly #file: Deno.FsFile;
  #md5: Hash = createHash("md5");

  /** @throws {StorageError} if the file exists or can't be created */
  constructor(path: string) {
    this.#path = path;
    this.#file = this.#orRefuse(() => {
      Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
      return Deno.openSync(path, { write: true, createNew: true });
    });
  }

  write(chunk: Uint8Array): void {
    this.#orRefuse(() => {
      for (let written = 0; written < chunk.length;) written += this.#file.writeSync(chunk.subarray(written));
    });
    this.#md5.update(chunk);
    this.length += chunk.length;
  }

  /** Forgets what was written. */
  restart(): void {
    this.#orRefuse(() => {
      this.#file.truncateSync(0);
      this.#file.seekSync(0, Deno.SeekMode.Start);
    });
    this.#md5 = createHash("md5");
    this.length = 0;
  }

  /** The checksum of all bytes, in hexadecimal. */
  md5(): string {
    return this.#md5.copy().digest("hex");
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  /** Turns an error of the file system, which another attempt won't mend, into a final one. */
  #orRefuse<T>(action: () => T): T {
    try {
      return action();
    } catch (cause) {
      throw new StorageError(`The fetched file '${this.#path}' can't be written: ${reasonOf(cause)}`, { cause });
    }
  }
}
