/** Values that are paths, which tell shells what files to offer for completion. */

import type { Value } from "./option.ts";
import { text } from "./text.ts";

/** The file name extensions of archives. */
export const ARCHIVES = [".tar.gz", ".tgz"];

/** The path of a file. @param extensions limits the files that are offered */
export function file(metavar: string = "FILE", extensions?: readonly string[]): Value<string> {
  return path(metavar, "file", extensions);
}

/** The path of a folder. */
export function folder(metavar: string = "DIR"): Value<string> {
  return path(metavar, "directory");
}

/** The path of a Model Archive. */
export function archiveFile(metavar: string = "archive"): Value<string> {
  return path(metavar, "file", ARCHIVES);
}

/** The path of a file or a folder. */
export function anyPath(metavar: string): Value<string> {
  return path(metavar, "any");
}

/** The path of a folder or a Model Archive. */
export function folderOrArchive(metavar: string): Value<string> {
  return path(metavar, "any", ARCHIVES);
}

/** The path of a Python script. */
export function script(metavar: string = "FILE"): Value<string> {
  return path(metavar, "file", [".py"]);
}

/** A public key: the path of its file, or its text. */
export function publicKey(metavar: string = "KEY"): Value<string> {
  return path(metavar, "file", [".pub"]);
}

/** The path of a secret key's file. */
export function secretKeyFile(metavar: string = "FILE"): Value<string> {
  return path(metavar, "file", [".key"]);
}

/** The path of a program, or its name on PATH. */
export function program(metavar: string = "PATH"): Value<string> {
  return path(metavar, "file");
}

function path(
  metavar: string,
  type: "file" | "directory" | "any",
  extensions?: readonly string[],
): Value<string> {
  return {
    ...text(metavar),
    suggest: (pattern) => [{ kind: "file", type, pattern, ...(extensions && { extensions }) }],
  };
}
