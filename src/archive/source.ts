/** Where an archive is read from. */

import { reasonOf, UsageError } from "../errors.ts";
import { stat } from "../files.ts";
import { unlessAborted } from "../with_limit.ts";
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

/** Whether an archive can be read only once: `-` is standard input, and a path may be that of a pipe, such as `<(curl …)` of a shell. */
export function isStream(path: string): boolean {
  const info = path === "-" ? undefined : stat(path);
  return path === "-" || (info !== undefined && !info.isFile && !info.isDirectory);
}

/**
 * Opens an archive; `-` is standard input.
 *
 * @param signal ends a wait for the next bytes of a stream: its writer may never send any
 * @throws {UsageError} if there is no such file
 */
export function openArchive(path: string, signal?: AbortSignal): ArchiveSource {
  const label = labelOf(path);
  if (path === "-") return { label, read: readerOf(Deno.stdin, signal), [Symbol.dispose]: () => {} };
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path);
  } catch (cause) {
    throw new UsageError(`${label} can't be read: ${reasonOf(cause)}`, { cause });
  }
  const { isDirectory, isFile, size } = file.statSync();
  if (isDirectory) {
    file.close();
    throw new UsageError(`${label} is a folder, not an archive: make one with 'aimodellib package -m ${path}'`);
  }
  const dispose = () => file.close();
  if (!isFile) return { label, read: readerOf(file, signal), [Symbol.dispose]: dispose };
  const read: ByteSource = (space) => {
    try {
      return file.readSync(space);
    } catch (cause) {
      return unreadable(cause);
    }
  };
  return { label, read, size, [Symbol.dispose]: dispose };
}

/** Reads a stream. A read that waits for bytes can't be canceled: after a signal, the process ends without it. */
function readerOf(stream: typeof Deno.stdin | Deno.FsFile, signal: AbortSignal | undefined): ByteSource {
  return async (space) => {
    signal?.throwIfAborted();
    return await unlessAborted(stream.read(space).catch(unreadable), signal);
  };
}

/** Reports that a disk failed, or that standard input is closed or a folder. */
function unreadable(cause: unknown): never {
  throw new ArchiveError(`can't be read: ${reasonOf(cause)}`, { cause });
}
