/** A file to which lines are appended, and of which only complete lines count. */

import { reasonOf } from "../../errors.ts";
import { WriteError } from "../../atomic_file.ts";

const NEWLINE = 0x0a;

/** How many bytes are gathered before a write. */
const GATHERED_BYTES = 64 * 1024;

/** How many bytes one read returns at most. */
const READ_BYTES = 1024 * 1024;

/** Where the lines of an output go. */
export interface Lines {
  /** Adds a line, including its line end. */
  readonly append: (line: Uint8Array) => void;
  /** Whether enough is gathered for a write. */
  readonly full: boolean;
  /** How many of the added lines were written. */
  readonly written: number;
  /** Writes the added lines. @throws {WriteError} if that fails */
  readonly flush: () => void | Promise<void>;
}

/** The complete lines at the beginning of a file. */
export interface WholeLines {
  readonly lines: number;
  readonly bytes: number;
}

/**
 * Counts the complete lines of a file whose writer, or the whole machine, may have stopped during a write.
 *
 * An incomplete last line does not count, nor does anything after a NUL byte: after a power failure, a file system may return blocks
 * that were never written.
 *
 * @param onLine called with each line, without its line end
 * @returns undefined if there is no such file
 */
export function wholeLines(path: string, onLine?: (line: Uint8Array, end: number) => boolean): WholeLines | undefined {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new WriteError(`'${path}' can't be read: ${reasonOf(error)}`, { cause: error });
  }
  using _ = file;
  const space = new Uint8Array(READ_BYTES);
  let [lines, bytes, at] = [0, 0, 0];
  let rest = new Uint8Array(0);
  for (let count = file.readSync(space); count !== null && count > 0; count = file.readSync(space)) {
    const zero = space.subarray(0, count).indexOf(0);
    const piece = space.subarray(0, zero < 0 ? count : zero);
    let start = 0;
    for (let end = piece.indexOf(NEWLINE); end >= 0; end = piece.indexOf(NEWLINE, start)) {
      if (onLine !== undefined) {
        const line = rest.length === 0 ? piece.subarray(start, end) : concat(rest, piece.subarray(start, end));
        rest = new Uint8Array(0);
        if (!onLine(line, at + end + 1)) return { lines, bytes };
      }
      start = end + 1;
      lines++;
      bytes = at + start;
    }
    if (onLine !== undefined) rest = concat(rest, piece.subarray(start));
    if (zero >= 0) break;
    at += count;
  }
  return { lines, bytes };
}

/** Appends lines to a file. */
export class LineFile implements Lines, Disposable {
  readonly #path: string;
  readonly #file: Deno.FsFile;
  /** The length of the complete lines in the file. */
  #bytes: number;
  #written = 0;
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  #closed = false;

  /**
   * Opens a file, and truncates it after its complete lines.
   *
   * @throws {WriteError} if it can't be written to
   */
  constructor(path: string, { bytes }: Pick<WholeLines, "bytes">) {
    this.#path = path;
    this.#bytes = bytes;
    try {
      this.#file = Deno.openSync(path, { write: true, create: true });
      this.#file.truncateSync(bytes);
      this.#file.seekSync(bytes, Deno.SeekMode.Start);
    } catch (cause) {
      throw this.#unwritable(cause);
    }
  }

  get written(): number {
    return this.#written;
  }

  get full(): boolean {
    return this.#gatheredBytes >= GATHERED_BYTES;
  }

  append(line: Uint8Array): void {
    this.#gathered.push(line);
    this.#gatheredBytes += line.length;
  }

  flush(): void {
    if (this.#gathered.length === 0 || this.#closed) return;
    const all = new Uint8Array(this.#gatheredBytes);
    const ends: number[] = [];
    let at = 0;
    for (const line of this.#gathered) {
      all.set(line, at);
      at += line.length;
      ends.push(at);
    }
    this.#gathered = [];
    this.#gatheredBytes = 0;
    let written = 0;
    try {
      while (written < all.length) written += this.#file.writeSync(all.subarray(written));
    } catch (cause) {
      this.#closed = true;
      this.#count(ends.filter((end) => end <= written));
      this.#cut();
      throw this.#unwritable(cause);
    }
    this.#count(ends);
  }

  /** Writes the added lines, syncs the file to the disk, and closes it. @throws {WriteError} if that fails */
  finish(): void {
    this.flush();
    try {
      this.#file.syncDataSync();
    } catch (cause) {
      throw this.#unwritable(cause);
    } finally {
      this[Symbol.dispose]();
    }
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    try {
      this.#file.close();
    } catch {
      // The file is already closed.
    }
  }

  #count(ends: readonly number[]): void {
    this.#bytes += ends.at(-1) ?? 0;
    this.#written += ends.length;
  }

  /** Removes a line that was written only in part. */
  #cut(): void {
    try {
      this.#file.truncateSync(this.#bytes);
    } catch {
      // The next run that opens the file removes it.
    }
  }

  #unwritable(cause: unknown): WriteError {
    return new WriteError(`'${this.#path}' can't be written: ${reasonOf(cause)}`, { cause });
  }
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}
