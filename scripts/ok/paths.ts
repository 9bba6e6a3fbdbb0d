/** Finds paths of a developer's machine, which mean nothing on another. */

import type { ProjectFile } from "./files.ts";

/** Home directories, as they are on Linux, macOS and Windows. */
const HOME = /(?<![\w.~$})/-])(?:\/home\/[\w.-]+|\/Users\/[\w.-]+|\/root)(?=\/)|\b[A-Z]:\\+Users\\+\w+/;

/**
 * Finds lines that name a home directory, or where this checkout lies.
 *
 * @param root the project's root
 * @returns what is wrong, a line each
 */
export function findLocalPaths(root: string, files: readonly ProjectFile[]): readonly string[] {
  const problems: string[] = [];
  for (const { path, text = "" } of files) {
    // A root such as "/app" is too common a word to look for.
    const hasRoot = root.split("/").length > 2 && text.includes(root);
    if (!hasRoot && !HOME.test(text)) continue;
    for (const [i, line] of text.split("\n").entries()) {
      const found = hasRoot && line.includes(root) ? root : HOME.exec(line)?.[0];
      if (found !== undefined) {
        problems.push(`${path}:${i + 1}: '${found}' is a path of one machine: use a relative one`);
      }
    }
  }
  return problems;
}
