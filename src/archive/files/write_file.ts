/** Writes files below a folder, on whichever thread. */

/** A file whose content is in memory. */
export interface SmallFile {
  /** From the folder. */
  readonly path: string;
  readonly executable: boolean;
  /** In seconds since 1970. */
  readonly mtime: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Files that are handed to a thread. */
export interface Batch {
  readonly id: number;
  /** The absolute path of the folder. */
  readonly root: string;
  readonly files: readonly SmallFile[];
}

/** What a thread says of a batch. */
export interface BatchResult {
  readonly id: number;
  /** The file that could not be written, after which the rest of the batch was not. */
  readonly failure?: { readonly path: string; readonly reason: string };
}

/** Opens a file that must not be there yet. */
export function createFile(root: string, path: string, executable: boolean): Deno.FsFile {
  return Deno.openSync(`${root}/${path}`, { write: true, createNew: true, mode: executable ? 0o755 : 0o644 });
}

/** Writes all of `bytes`. */
export function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
}

/** Writes a whole file. */
export function writeFile(root: string, { path, executable, mtime, bytes }: SmallFile): void {
  const file = createFile(root, path, executable);
  try {
    writeAll(file, bytes);
    file.utimeSync(mtime, mtime);
  } finally {
    file.close();
  }
}
