/** Carries out `aimodellib verify`. */

import { ArchiveError, labelOf, scan, unknownKeys } from "../../archive/mod.ts";
import { UsageError } from "../../errors.ts";
import { type CheckOptions, checkScan } from "../archives/check.ts";
import { readArchive, type ReadOptions } from "../archives/scan.ts";
import { ExitCode } from "../errors.ts";
import type { Io } from "../terminal/io.ts";
import { count, formatBytes } from "../terminal/format.ts";

/** The options of the command. */
export interface VerifyOptions extends ReadOptions, CheckOptions {
  readonly checksum?: string | undefined;
  readonly quiet: boolean;
}

/**
 * Reads an archive to its end and reports the first fault.
 *
 * @returns the exit code
 * @throws {UsageError} if the archive does not exist, or the option is not a checksum
 * @throws {ArchiveError} if the archive is not valid, or has another checksum
 * @throws {ScriptError} if a script in it has an error
 */
export async function runVerifying(options: VerifyOptions, io: Io): Promise<number> {
  const { archive, checksum, quiet } = options;
  const expected = checksum === undefined ? undefined : parseChecksum(checksum);
  const { result, trust } = await readArchive(options, "read to its end", io, async (source, rest) => {
    const found = await scan(source.read, {}, rest);
    if (expected !== undefined && found.sha256 !== expected) {
      throw new ArchiveError(`has the checksum sha256:${found.sha256}, not sha256:${expected}`);
    }
    return found;
  });
  const label = labelOf(archive);
  const notices = await checkScan(result, label, options, io);
  if (!quiet) {
    for (const notice of [...notices, ...unknownKeys(label, result.unknown)]) io.stderrLine(notice);
    const { trainingScript, servingScript } = result.manifest;
    if (trainingScript === null && servingScript === null) {
      io.stderrLine(`${label} can neither train nor serve: both scripts in its manifest.json are null`);
    }
    io.stdoutLine(
      `${archive === "-" ? label : archive} is good: ${count(result.entries, "entry", "entries")}, ${
        formatBytes(result.bytes)
      } in ` +
        `${formatBytes(result.packedBytes)}, sha256:${result.sha256}`,
    );
    if (trust !== undefined) io.stdoutLine(trust.text);
  }
  return ExitCode.Success;
}

function parseChecksum(text: string): string {
  const digits = /^sha256:([0-9a-f]{64})$/i.exec(text)?.[1];
  if (digits === undefined) {
    throw new UsageError(`--checksum must be sha256: and 64 hexadecimal digits, not '${text}'`);
  }
  return digits.toLowerCase();
}
