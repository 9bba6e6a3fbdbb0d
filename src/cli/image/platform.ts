/** The executable that goes into an image, and the platform that it is for. */

import { reasonOf, UsageError } from "../../errors.ts";
import type { Platform } from "../../image/base.ts";

/** An executable of this program. */
export interface Executable {
  readonly path: string;
  /** In the words of OCI, such as `amd64`. */
  readonly architecture: string;
}

/** The number of a processor in an ELF header, and OCI's name for it. */
const MACHINES: Readonly<Record<number, string | undefined>> = { 62: "amd64", 183: "arm64" };
const HEADER_BYTES = 20;
const MACHINE_OFFSET = 18;

/**
 * Finds the executable that goes into an image, and its processor.
 *
 * @param path undefined for the running executable
 * @throws {UsageError} if there is no such executable for Linux
 */
export function findExecutable(path: string | undefined): Executable {
  if (path === undefined && !Deno.build.standalone) {
    throw new UsageError("This aimodellib runs from its sources: name an executable with --executable");
  }
  const found = path ?? Deno.execPath();
  const header = new Uint8Array(HEADER_BYTES);
  try {
    const file = Deno.openSync(found);
    try {
      file.readSync(header);
    } finally {
      file.close();
    }
  } catch (cause) {
    throw new UsageError(`The executable '${found}' can't be read: ${reasonOf(cause)}`, { cause });
  }
  const isElf = header[0] === 0x7f && new TextDecoder().decode(header.subarray(1, 4)) === "ELF";
  const architecture = isElf ? MACHINES[header[MACHINE_OFFSET]! + 256 * header[MACHINE_OFFSET + 1]!] : undefined;
  if (architecture === undefined) {
    throw new UsageError(
      `'${found}' is not an executable for Linux on x86-64 or arm64: choose another with --executable`,
    );
  }
  return { path: found, architecture };
}

/** The platform of an image. @throws {UsageError} if the executable does not run there */
export function parsePlatform(text: string | undefined, { path, architecture }: Executable): Platform {
  if (text === undefined) return { os: "linux", architecture };
  const [os, wanted, variant, ...rest] = text.split("/");
  if (os !== "linux" || !wanted || rest.length > 0) {
    throw new UsageError(`--platform must be linux/amd64 or linux/arm64, not '${text}'`);
  }
  if (wanted !== architecture) {
    throw new UsageError(
      `The executable '${path}' is for linux/${architecture}, and not for ${text}: name one for that platform with --executable`,
    );
  }
  return { os, architecture, variant };
}
