/** Distinguishes the two forms of a command line: a module with its script, and a Model Archive, packed or unpacked. */

import { stat } from "../../files.ts";

/**
 * Whether a command line names a Model Archive.
 *
 * @param target the first word that is not an option
 * @param next the word after it, which is the script if the target is a module
 */
export function namesArchive(target: string, next: string | undefined): boolean {
  if (target === "-") return true;
  const found = stat(target);
  // A missing file with such a name should be reported as a missing archive.
  if (found === undefined) return /\.(tar\.gz|tgz)$/.test(target);
  // A file followed by a script is meant as a module; the error says that it is not a directory.
  if (!found.isDirectory) return !next?.endsWith(".py");
  // A folder with a manifest is a module if the next word names a script in it.
  if (stat(`${target}/manifest.json`) === undefined) return false;
  return next === undefined || !(next.endsWith(".py") || stat(`${target}/${next}`)?.isFile);
}
