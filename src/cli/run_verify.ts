/** What `aimodellib verify` does. */

import { ArchiveError, type Limits, openArchive, scan } from "../archive/mod.ts";
import { UsageError } from "../errors.ts";
import { ExitCode } from "./errors.ts";
import type { Io } from "./io.ts";
import { Progress } from "./progress.ts";
import { count, formatBytes } from "./sizes.ts";

/** The options of the command. */
export interface VerifyOptions extends Limits {
  readonly archive: string;
  readonly checksum?: string | undefined;
  readonly quiet: boolean;
}

/**
 * Runs it.
 *
 * @returns the exit code
 * @throws {UsageError} if the archive is not there, or the checksum is none
 * @throws {ArchiveError} which says what is wrong with the archive
 */
export async function runVerifying({ archive, checksum, quiet, ...limits }: VerifyOptions, io: Io): Promise<number> {
  const expected = checksum === undefined ? undefined : parseChecksum(checksum);
  const stop = new AbortController();
  using _signals = io.onSignal((signal) => stop.abort(new ArchiveError(`Stopped by ${signal}`)));
  using source = openArchive(archive);
  using progress = new Progress(io, source.size, quiet);
  const result = await scan(source.read, {}, {
    limits,
    signal: stop.signal,
    onProgress: (packedBytes) => progress.update(packedBytes),
  });
  progress[Symbol.dispose]();
  if (expected !== undefined && result.sha256 !== expected) {
    throw new ArchiveError(`'${archive}' has the checksum sha256:${result.sha256}, not sha256:${expected}`);
  }
  if (!quiet) {
    for (const key of Object.keys(result.unknown)) {
      io.stderr(`The manifest has the key '${key}', which is not known here\n`);
    }
    io.stdout(
      `${archive} is good: ${count(result.entries, "entry", "entries")}, ${formatBytes(result.bytes)} in ` +
        `${formatBytes(result.packedBytes)}, sha256:${result.sha256}\n`,
    );
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
