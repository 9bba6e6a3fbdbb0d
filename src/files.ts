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

/**
 * Whether a path is a device, a pipe or an open descriptor, such as `/dev/null` or `/dev/stdout`. It must be written to rather than replaced,
 * at its end: a descriptor's file may have content, as after `>>` in a shell.
 */
export function isSpecial(path: string): boolean {
  const info = stat(path);
  return info !== undefined && !info.isDirectory && (!info.isFile || isDescriptor(path));
}

/** The most links that the system follows in a path. */
const MAX_LINKS = 40;

/** Whether a path is a descriptor of a process, or links to one, as `/dev/stdout` does. */
function isDescriptor(path: string): boolean {
  let at = path;
  try {
    for (let links = 0; links <= MAX_LINKS; links++) {
      const folder = Deno.realPathSync(at.slice(0, at.lastIndexOf("/") + 1) || ".");
      if (/^\/proc\/.+\/fd$/.test(folder)) return true;
      const target = Deno.readLinkSync(at);
      at = target.startsWith("/") ? target : `${folder}/${target}`;
    }
  } catch {
    // It is a file, not a link.
  }
  return false;
}
