/** Where an archive is read from. */

import { reasonOf, UsageError } from "../errors.ts";
import { ArchiveError, labelOf } from "./errors.ts";
import type { ByteSource } from "./gzip/reader.ts";

/** An archive that is open for reading. */
export interface ArchiveSource extends Disposable {
  /** What messages call it: its path in quotes, or `standard input`. */
  readonly label: string;
  /** @throws {ArchiveError} if the system can't read it */
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
  const label = labelOf(path);
  if (path === "-") {
    const read: ByteSource = (space) => Deno.stdin.read(space).catch(unreadable);
    return { label, read, [Symbol.dispose]: () => {} };
  }
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path);
  } catch (cause) {
    throw new UsageError(`${label} can't be read: ${reasonOf(cause)}`, { cause });
  }
  const { isDirectory, size } = file.statSync();
  if (isDirectory) {
    file.close();
    throw new UsageError(`${label} is a folder, not an archive: make one with 'aimodellib package -m ${path}'`);
  }
  const read: ByteSource = (space) => {
    try {
      return file.readSync(space);
    } catch (cause) {
      return unreadable(cause);
    }
  };
  return { label, read, size, [Symbol.dispose]: () => file.close() };
}

/** Reports that a disk failed, or that standard input is closed or a folder. */
function unreadable(cause: unknown): never {
  throw new ArchiveError(`can't be read: ${reasonOf(cause)}`, { cause });
}
