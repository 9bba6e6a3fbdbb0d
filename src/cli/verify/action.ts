/** What `aimodellib verify` does. */

import { ArchiveError, type Limits, meantBy, type ParsedManifest } from "../../archive/mod.ts";
import { UsageError } from "../../errors.ts";
import { type CheckOptions, checkScan } from "../archives/check.ts";
import { ExitCode } from "../errors.ts";
import type { Io } from "../terminal/io.ts";
import { scanWhole } from "../archives/scan.ts";
import { count, formatBytes } from "../terminal/format.ts";
import type { TrustOptions } from "../archives/trust.ts";

/** The options of the command. */
export interface VerifyOptions extends Limits, TrustOptions, CheckOptions {
  readonly archive: string;
  readonly checksum?: string | undefined;
  readonly quiet: boolean;
}

/**
 * Carries out `aimodellib verify`: reads an archive to its end and reports the first fault.
 *
 * @returns the exit code
 * @throws {UsageError} if the archive is not there, or the checksum is none
 * @throws {ArchiveError} which says what is wrong with the archive
 * @throws {ScriptError} which says what is wrong with a script in it
 */
export async function runVerifying(options: VerifyOptions, io: Io): Promise<number> {
  const { archive, checksum, quiet } = options;
  const expected = checksum === undefined ? undefined : parseChecksum(checksum);
  const { result, trust } = await scanWhole(archive, options, io);
  if (expected !== undefined && result.sha256 !== expected) {
    throw new ArchiveError(`'${archive}' has the checksum sha256:${result.sha256}, not sha256:${expected}`);
  }
  const notices = await checkScan(result, options, io);
  if (!quiet) {
    for (const notice of notices) io.stderrLine(notice);
    for (const notice of manifestNotices(result)) io.stderrLine(notice);
    io.stdoutLine(
      `${archive} is good: ${count(result.entries, "entry", "entries")}, ${formatBytes(result.bytes)} in ` +
        `${formatBytes(result.packedBytes)}, sha256:${result.sha256}`,
    );
    if (trust !== undefined) io.stdoutLine(trust.text);
  }
  return ExitCode.Success;
}

/** What is odd about a manifest that is good. */
function manifestNotices({ manifest, unknown }: ParsedManifest): string[] {
  const meant = new Map(meantBy(unknown).map(({ key, meant }) => [key, meant]));
  const notices = Object.keys(unknown).map((key) => {
    const known = meant.get(key);
    return `The manifest has the key '${key}', which is not known here${
      known === undefined ? "" : `: '${known}' may be meant`
    }`;
  });
  if (manifest.trainingScript === null && manifest.servingScript === null) {
    notices.push(
      "The manifest names neither a trainingScript nor a servingScript: the archive can be neither trained nor served",
    );
  }
  return notices;
}

function parseChecksum(text: string): string {
  const digits = /^sha256:([0-9a-f]{64})$/i.exec(text)?.[1];
  if (digits === undefined) {
    throw new UsageError(`--checksum must be sha256: and 64 hexadecimal digits, not '${text}'`);
  }
  return digits.toLowerCase();
}
