/**
 * The digest of an archive's content: the SHA-256 of a line of JSON for each file and link, sorted by path, such as
 * `["m/train.py","file 9f86…"]` or `["m/link","link train.py"]`.
 */

import { createHash } from "node:crypto";

/** Lines are hashed in pieces of this many characters: thousands of calls would take longer than the hash itself. */
const DIGESTED_CHARACTERS = 64 * 1024;

/** What a line says of a file, in JSON. @param sha256 in hexadecimal digits */
export function fileOf(sha256: string): string {
  return `"file ${sha256}"`;
}

/** What a line says of a symbolic link, in JSON. @param target its text */
export function linkTo(target: string): string {
  return JSON.stringify(`link ${target}`);
}

/** What a line says of anything else, in JSON. */
export const OTHER = '"other"';

/**
 * Hashes the lines of an archive's files and links.
 *
 * @param paths sorted
 * @param whatOf returns {@linkcode fileOf}, {@linkcode linkTo} or {@linkcode OTHER} for a path
 * @returns the digest in hexadecimal digits
 */
export function digestOf(paths: readonly string[], whatOf: (path: string) => string): string {
  const hash = createHash("sha256");
  let lines = "";
  for (const path of paths) {
    lines += `[${JSON.stringify(path)},${whatOf(path)}]\n`;
    if (lines.length < DIGESTED_CHARACTERS) continue;
    hash.update(lines);
    lines = "";
  }
  hash.update(lines);
  return hash.digest("hex");
}
