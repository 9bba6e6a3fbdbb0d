/** Paths on a command line: each is text as it is, and says which files a shell offers for it. */

import type { NonEmptyString } from "@optique/core/nonempty";
import { string } from "@optique/core/valueparser";
import type { Value } from "./option.ts";

/** How archives are named. */
export const ARCHIVES = [".tar.gz", ".tgz"];

/** A file; only those with one of these endings are offered, if there are any. */
export function file(metavar: NonEmptyString = "FILE", extensions?: readonly string[]): Value<string> {
  return path(metavar, "file", extensions);
}

/** The path of a folder. */
export function folder(metavar: NonEmptyString = "DIR"): Value<string> {
  return path(metavar, "directory");
}

/** The path of a Model Archive. */
export function archiveFile(metavar: NonEmptyString = "archive"): Value<string> {
  return path(metavar, "file", ARCHIVES);
}

/** A file or a folder. */
export function anyPath(metavar: NonEmptyString): Value<string> {
  return path(metavar, "any");
}

/** A folder, or a Model Archive. */
export function folderOrArchive(metavar: NonEmptyString): Value<string> {
  return path(metavar, "any", ARCHIVES);
}

/** The path of a Python script. */
export function script(metavar: NonEmptyString = "FILE"): Value<string> {
  return path(metavar, "file", [".py"]);
}

/** A public key, by its file or its text. */
export function publicKey(metavar: NonEmptyString = "KEY"): Value<string> {
  return path(metavar, "file", [".pub"]);
}

/** A secret key's file. */
export function secretKeyFile(metavar: NonEmptyString = "FILE"): Value<string> {
  return path(metavar, "file", [".key"]);
}

/** A program's file, or its name. */
export function program(metavar: NonEmptyString = "PATH"): Value<string> {
  return path(metavar, "file");
}

function path(
  metavar: NonEmptyString,
  type: "file" | "directory" | "any",
  extensions?: readonly string[],
): Value<string> {
  return {
    ...string({ metavar }),
    suggest: (pattern) => [{ kind: "file", type, pattern, ...(extensions && { extensions }) }],
  };
}
