/** Carries out `aimodellib unpack`. */

import { labelOf, unknownKeys, unpack } from "../../archive/mod.ts";
import { readArchive, type ReadOptions } from "../archives/scan.ts";
import { ExitCode } from "../errors.ts";
import { count, formatBytes } from "../terminal/format.ts";
import type { Io } from "../terminal/io.ts";

/** The options of the command. */
export interface UnpackOptions extends ReadOptions {
  readonly folder: string;
  readonly quiet: boolean;
}

/**
 * Unpacks an archive into a new folder, with progress on standard error.
 *
 * @returns the exit code
 * @throws {UsageError} if the archive does not exist, or the folder is not empty
 * @throws {ArchiveError} if the archive is not valid, or can't be unpacked
 */
export async function runUnpacking(options: UnpackOptions, io: Io): Promise<number> {
  const { archive, folder, quiet } = options;
  const { result, trust } = await readArchive(
    options,
    "unpacked",
    io,
    (source, rest) => unpack(source.read, folder, { ...rest, noteOrigin: archive }),
  );
  const { entries, bytes, unknown } = result;
  if (!quiet) {
    for (const notice of unknownKeys(labelOf(archive), unknown)) io.stderrLine(notice);
    if (trust !== undefined) io.stderrLine(trust.text);
    io.stderrLine(`Unpacked ${count(entries, "entry", "entries")} (${formatBytes(bytes)}) to ${folder}`);
  }
  return ExitCode.Success;
}
