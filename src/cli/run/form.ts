/** What `train` and `serve` are told to run: a module and its script, or a Model Archive, packed or unpacked. */

import { stat } from "../../files.ts";

/**
 * Whether a command line names a Model Archive.
 *
 * @param target its first word that is no option
 * @param next the word behind it: the script, if the target is a module
 */
export function namesArchive(target: string, next: string | undefined): boolean {
  if (target === "-") return true;
  const found = stat(target);
  // So that the complaint is of an archive.
  if (found === undefined) return /\.(tar\.gz|tgz)$/.test(target);
  // With a script behind it, it is a module that is none.
  if (!found.isDirectory) return !next?.endsWith(".py");
  // A folder with a manifest may be a module all the same, when a script of it is named.
  if (stat(`${target}/manifest.json`) === undefined) return false;
  return next === undefined || !(next.endsWith(".py") || stat(`${target}/${next}`)?.isFile);
}
