/** Finds paths of a developer's machine, which do not exist elsewhere. */

import type { ProjectFile } from "./files.ts";

/** Home directories of Linux, macOS and Windows. */
const HOME = /(?<![\w.~$})/-])(?:\/home\/[\w.-]+|\/Users\/[\w.-]+|\/root)(?=\/)|\b[A-Z]:\\+Users\\+\w+/;

/**
 * Finds lines that contain a home directory, or the path of this checkout.
 *
 * @param root the project's root
 * @returns one message for each such line
 */
export function findLocalPaths(root: string, files: readonly ProjectFile[]): readonly string[] {
  const problems: string[] = [];
  for (const { path, text = "" } of files) {
    // A short root such as "/app" also appears in unrelated text.
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
