/** Detects a full disk. */

/** Size of the test file, in bytes: a full disk may still accept smaller ones. */
const PROBE_BYTES = 256 * 1024;

/** Whether the disk of a folder is full. */
export function isFull(folder: string): boolean {
  let path: string | undefined;
  try {
    path = Deno.makeTempFileSync({ dir: folder, prefix: ".probe-" });
    using file = Deno.openSync(path, { write: true });
    const bytes = new Uint8Array(PROBE_BYTES);
    for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
    file.syncDataSync();
    return false;
  } catch {
    return true;
  } finally {
    if (path !== undefined) Deno.removeSync(path);
  }
}
