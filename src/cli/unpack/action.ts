/** Carries out `aimodellib unpack`. */

import { labelOf, unknownKeys, unpack } from "../../archive/mod.ts";
import { hideCredentials } from "../../credentials.ts";
import { readArchive, type ReadOptions } from "../archives/scan.ts";
import { ExitCode } from "../errors.ts";
import { count, formatBytes } from "../terminal/format.ts";
import type { Io } from "../terminal/io.ts";

/** The options of the command. */
export interface UnpackOptions extends ReadOptions {
  readonly folder: string;
  readonly quiet: boolean;
  readonly json: boolean;
}

/**
 * Unpacks an archive into a new folder, with progress on standard error.
 *
 * @returns the exit code
 * @throws {UsageError} if the archive does not exist, or the folder is not empty
 * @throws {ArchiveError} if the archive is not valid, or can't be unpacked
 */
export async function runUnpacking(options: UnpackOptions, io: Io): Promise<number> {
  const { archive, folder, quiet, json } = options;
  const { result, trust } = await readArchive(
    { ...options, quiet: quiet || json },
    "unpacked",
    io,
    (source, rest) => unpack(source.read, folder, { ...rest, noteOrigin: archive }),
  );
  const { entries, bytes, packedBytes, sha256, manifest } = result;
  const notices = unknownKeys(labelOf(archive), result.unknown);
  if (json) {
    const signature = trust && { key: trust.keyId, trustedComment: trust.trustedComment };
    const shown = {
      archive,
      folder,
      entries,
      bytes,
      packedBytes,
      sha256,
      manifest,
      ...(signature && { signature }),
      notices,
    };
    io.stdoutJson(hideCredentials(`${JSON.stringify(shown, null, 2)}\n`));
  } else if (!quiet) {
    for (const notice of notices) io.stderrLine(notice);
    if (trust !== undefined) io.stderrLine(trust.text);
    io.stderrLine(`Unpacked ${count(entries, "entry", "entries")} (${formatBytes(bytes)}) to ${folder}`);
  }
  return ExitCode.Success;
}
