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

/** Whether a path is a device or a pipe, such as `/dev/null`, which must be written to rather than replaced. */
export function isSpecial(path: string): boolean {
  const info = stat(path);
  return info !== undefined && !info.isFile && !info.isDirectory;
}
