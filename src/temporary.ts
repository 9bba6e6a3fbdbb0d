/** Temporary folders, in TMPDIR or `/tmp`. */

import { AimodellibError, reasonOf } from "./errors.ts";

/**
 * Makes a temporary folder that only this user may enter.
 *
 * @param name what it is for, in its name; @returns its path
 * @throws {AimodellibError} if none can be made, such as on a read-only file system
 */
export function makeTemporaryFolder(name: string): string {
  try {
    return Deno.makeTempDirSync({ prefix: `aimodellib-${name}-` });
  } catch (cause) {
    throw new AimodellibError(
      `No temporary folder can be made: ${
        reasonOf(cause).replace(/: tmpdir$/, "")
      }. Set TMPDIR to a folder that can be written to`,
      { cause },
    );
  }
}
