/** Writes files below a folder. */

/** The mode of a file that is created, before the umask applies. */
export function modeOf(executable: boolean): number {
  return executable ? 0o755 : 0o644;
}

/** Creates a file and opens it for writing. @throws {Deno.errors.AlreadyExists} if it exists */
export function createFile(root: string, path: string, executable: boolean): Deno.FsFile {
  return Deno.openSync(`${root}/${path}`, { write: true, createNew: true, mode: modeOf(executable) });
}

/** Writes all of `bytes`, in as many system calls as it takes. */
export function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
}
