/**
 * Writes batches of small files with the C library's openat(2), write(2), futimens(3) and close(2). For a small file, Deno's own functions
 * take longer than the system calls in them.
 */

import { BatchReader } from "./batch.ts";
import { createFile, modeOf, writeAll } from "./write_file.ts";

const O_WRONLY = 1;
const O_CREAT = 0o100;
const O_EXCL = 0o200;
const O_CLOEXEC = 0o2000000;
const WORD = 2 ** 32;

const FUNCTIONS = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  openat: { parameters: ["i32", "buffer", "i32", "u32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  futimens: { parameters: ["i32", "buffer"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  unlinkat: { parameters: ["i32", "buffer", "i32"], result: "i32" },
} as const;

type Library = Deno.DynamicLibrary<typeof FUNCTIONS>;

/** The error for a file that can't be written; its cause says why. */
export class FileError extends Error {
  override readonly name = "FileError";
  readonly path: string;

  constructor(path: string, cause: unknown) {
    super(`'${path}' can't be written`, { cause });
    this.path = path;
  }
}

/** Writes batches of files below a folder, on any thread. */
export class BatchWriter implements Disposable {
  readonly #root: string;
  readonly #library: Library | null;
  readonly #folder: number;
  /** Two `struct timespec`, for the times of access and modification: 64 bits for seconds, and 64 for nanoseconds. */
  readonly #times = new Uint32Array(8);

  /**
   * @param root the folder's absolute path
   * @param library null where there is no glibc: Deno writes the files
   */
  constructor(root: string, library: Library | null = openLibrary()) {
    this.#root = root;
    this.#library = library;
    this.#folder = this.#library?.symbols.open(new TextEncoder().encode(`${root}\0`), O_CLOEXEC) ?? -1;
  }

  /** Creates the files in the first `used` bytes of a batch's buffer. @throws {FileError} for the first that can't be written */
  write(bytes: Uint8Array, used: number): void {
    const file = new BatchReader(bytes, used);
    while (file.next()) if (!this.#tryWrite(file)) this.#writeSlowly(file);
  }

  [Symbol.dispose](): void {
    if (this.#folder >= 0) this.#library!.symbols.close(this.#folder);
    this.#library?.close();
  }

  /** Returns whether the whole file was written; if not, nothing of it is left. */
  #tryWrite({ path, content, executable, mtime }: BatchReader): boolean {
    if (this.#folder < 0) return false;
    const { openat, write, futimens, close, unlinkat } = this.#library!.symbols;
    const fd = openat(this.#folder, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, modeOf(executable));
    if (fd < 0) return false;
    this.#times[0] = this.#times[4] = mtime % WORD;
    this.#times[1] = this.#times[5] = Math.floor(mtime / WORD);
    const isWritten = (content.length === 0 || write(fd, content, BigInt(content.length)) === BigInt(content.length)) &&
      futimens(fd, this.#times) === 0;
    if (close(fd) === 0 && isWritten) return true;
    unlinkat(this.#folder, path, 0);
    return false;
  }

  /** Has Deno write the file, which tells the reason if it fails as well. */
  #writeSlowly({ path: encoded, content, executable, mtime }: BatchReader): void {
    const path = new TextDecoder().decode(encoded.subarray(0, -1));
    try {
      using file = createFile(this.#root, path, executable);
      writeAll(file, content);
      file.utimeSync(mtime, mtime);
    } catch (cause) {
      throw new FileError(path, cause);
    }
  }
}

/** Returns null where there is no glibc. */
function openLibrary() {
  try {
    return Deno.dlopen("libc.so.6", FUNCTIONS);
  } catch {
    return null;
  }
}
