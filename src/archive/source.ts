/** Where an archive is read from. */

import { UsageError } from "../errors.ts";
import type { ByteSource } from "./gzip/reader.ts";

/** An archive that was opened. */
export interface ArchiveSource extends Disposable {
  /** What a message calls it. */
  readonly name: string;
  readonly read: ByteSource;
  /** In bytes; undefined for a stream. */
  readonly size?: number;
}

/**
 * Opens an archive; `-` is standard input.
 *
 * @throws {UsageError} if there is no such file
 */
export function openArchive(path: string): ArchiveSource {
  if (path === "-") {
    return { name: "standard input", read: (space) => Deno.stdin.read(space), [Symbol.dispose]: () => {} };
  }
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.replace(/: open '.*'$/, "") : cause;
    throw new UsageError(`The archive '${path}' can't be read: ${reason}`, { cause });
  }
  const { isDirectory, size } = file.statSync();
  if (isDirectory) {
    file.close();
    throw new UsageError(
      `'${path}' is a folder, and an archive is needed: make one with 'aimodellib package -m ${path}'`,
    );
  }
  return { name: path, read: (space) => file.readSync(space), size, [Symbol.dispose]: () => file.close() };
}
