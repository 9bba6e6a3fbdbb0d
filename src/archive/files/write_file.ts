/** Writes files below a folder, on any thread. */

/** A file to be written, with its whole content. */
export interface SmallFile {
  /** Relative to the folder. */
  readonly path: string;
  readonly executable: boolean;
  /** In seconds since 1970. */
  readonly mtime: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Files that a thread writes. */
export interface Batch {
  readonly id: number;
  /** The absolute path of the folder. */
  readonly root: string;
  readonly files: readonly SmallFile[];
}

/** What a thread reports about a batch. */
export interface BatchResult {
  readonly id: number;
  /** The file that can't be written; the thread skips the rest of the batch. */
  readonly failure?: { readonly path: string; readonly reason: string };
}

/** Creates a file and opens it for writing. @throws {Deno.errors.AlreadyExists} if it exists */
export function createFile(root: string, path: string, executable: boolean): Deno.FsFile {
  return Deno.openSync(`${root}/${path}`, { write: true, createNew: true, mode: executable ? 0o755 : 0o644 });
}

/** Writes all of `bytes`, in as many system calls as it takes. */
export function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
}

/** Creates a file with its content, mode and time. @throws an error of the system, such as a full disk */
export function writeFile(root: string, { path, executable, mtime, bytes }: SmallFile): void {
  const file = createFile(root, path, executable);
  try {
    writeAll(file, bytes);
    file.utimeSync(mtime, mtime);
  } finally {
    file.close();
  }
}
