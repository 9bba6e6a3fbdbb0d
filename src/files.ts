/** File system checks that never throw: a path that can't be checked counts as missing. */

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
