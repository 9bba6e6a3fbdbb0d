/** Carries out `aimodellib verify`. */

import { ArchiveError, labelOf, scan, unknownKeys } from "../../archive/mod.ts";
import { hideCredentials } from "../../credentials.ts";
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
  readonly json: boolean;
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
  const reading = { ...options, quiet: quiet || options.json };
  const { result, trust } = await readArchive(reading, "read to its end", io, async (source, rest) => {
    const found = await scan(source.read, {}, rest);
    if (expected !== undefined && found.sha256 !== expected) {
      throw new ArchiveError(`has the checksum sha256:${found.sha256}, not sha256:${expected}`);
    }
    return found;
  });
  const label = labelOf(archive);
  const { manifest, entries, bytes, packedBytes, sha256 } = result;
  const { trainingScript, servingScript } = manifest;
  const notices = [
    ...await checkScan(result, label, options, io),
    ...unknownKeys(label, result.unknown),
    ...(trainingScript === null && servingScript === null
      ? [`${label} can neither train nor serve: both scripts in its manifest.json are null`]
      : []),
  ];
  if (options.json) {
    const signature = trust && { key: trust.keyId, trustedComment: trust.trustedComment };
    const shown = { archive, entries, bytes, packedBytes, sha256, manifest, ...(signature && { signature }), notices };
    io.stdoutJson(hideCredentials(`${JSON.stringify(shown, null, 2)}\n`));
  } else if (!quiet) {
    for (const notice of notices) io.stderrLine(notice);
    io.stdoutLine(
      `${archive === "-" ? label : archive} is good: ${count(entries, "entry", "entries")}, ${formatBytes(bytes)} in ` +
        `${formatBytes(packedBytes)}, sha256:${sha256}`,
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
