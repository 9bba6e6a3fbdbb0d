/** Checks and reads files: the checks never throw, and take a path that can't be checked for a missing one. */

import { reasonOf, UsageError } from "./errors.ts";

/** Whether a path exists; a broken link does. */
export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** The metadata of a file, following links; undefined if it can't be read. */
export function stat(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch {
    return undefined;
  }
}

/** Whether two paths lead to the same file or folder; false if one of them does not exist. */
export function isSameFile(a: string, b: string): boolean {
  const [one, other] = [stat(a), stat(b)];
  return one !== undefined && one.dev === other?.dev && one.ino === other.ino;
}

/**
 * Reads a text file that the user has named.
 *
 * @param what the file's role in the error message, such as "token file"
 * @param advice what to do if the file does not exist
 * @throws {UsageError} if it can't be read
 */
export function readText(path: string, what: string, advice?: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (cause) {
    const next = advice !== undefined && cause instanceof Deno.errors.NotFound ? `; ${advice}` : "";
    throw new UsageError(`The ${what} '${path}' can't be read: ${reasonOf(cause)}${next}`, { cause });
  }
}

/** Whether a path is a device, a pipe or an open descriptor, such as `/dev/null` or `/dev/stdout`, which must be written to rather than replaced. */
export function isSpecial(path: string): boolean {
  const info = stat(path);
  return info !== undefined && !info.isDirectory && (!info.isFile || descriptorOf(path) !== undefined);
}

/** A device, a pipe or a descriptor that is written to. */
export type SpecialFile = Pick<Deno.FsFile, "write" | "writeSync" | "statSync" | "close">;

/**
 * Opens a path that {@linkcode isSpecial}, to write at its end: there may be content, as after `>>` in a shell.
 *
 * This process's standard output and error are not opened anew. With a file behind them, a second opening would have a position of its own,
 * and each would overwrite what was written through the other.
 */
export function openSpecial(path: string): SpecialFile {
  switch (descriptorOf(path)) {
    case `/proc/${Deno.pid}/fd/1`:
      return standardStream(Deno.stdout, 1);
    case `/proc/${Deno.pid}/fd/2`:
      return standardStream(Deno.stderr, 2);
    default:
      return Deno.openSync(path, { append: true });
  }
}

function standardStream(stream: typeof Deno.stdout, fd: number): SpecialFile {
  return {
    write: (bytes) => stream.write(bytes),
    writeSync: (bytes) => stream.writeSync(bytes),
    statSync: () => Deno.statSync(`/proc/self/fd/${fd}`),
    close: () => {},
  };
}

/** The most links that the system follows in a path. */
const MAX_LINKS = 40;

/** Returns the descriptor that a path is, or links to, as `/dev/stdout` does: `/proc/1234/fd/1`. */
function descriptorOf(path: string): string | undefined {
  let at = path;
  try {
    for (let links = 0; links <= MAX_LINKS; links++) {
      const slash = at.lastIndexOf("/") + 1;
      const folder = Deno.realPathSync(at.slice(0, slash) || ".");
      if (/^\/proc\/.+\/fd$/.test(folder)) return `${folder}/${at.slice(slash)}`;
      const target = Deno.readLinkSync(at);
      at = target.startsWith("/") ? target : `${folder}/${target}`;
    }
  } catch {
    // It is a file, not a link.
  }
  return undefined;
}
