/** What `aimodellib unpack` does. */

import { ArchiveError, type Limits, openArchive, unpack } from "../../archive/mod.ts";
import { ExitCode } from "../errors.ts";
import type { Io } from "../terminal/io.ts";
import { Progress } from "../terminal/progress.ts";
import { count, formatBytes } from "../terminal/format.ts";
import { demandSignature, type TrustOptions } from "../archives/trust.ts";

/** The options of the command. */
export interface UnpackOptions extends Limits, TrustOptions {
  readonly archive: string;
  readonly folder: string;
  readonly quiet: boolean;
}

/**
 * Carries out `aimodellib unpack`.
 *
 * @returns the exit code
 * @throws {UsageError} if the archive is not there, or the folder can't be made
 * @throws {ArchiveError} if the archive is damaged, unsafe, or none
 */
export async function runUnpacking(options: UnpackOptions, io: Io): Promise<number> {
  const { archive, folder, quiet } = options;
  const trust = demandSignature(archive, options);
  const stop = new AbortController();
  using _signals = io.onSignal((signal) => stop.abort(new ArchiveError(`Stopped by ${signal}; nothing was written`)));
  using source = openArchive(archive);
  using progress = new Progress(io, source.size, quiet);
  const { entries, bytes, unknown } = await unpack(source.read, folder, {
    limits: options,
    signal: stop.signal,
    witness: trust?.witness,
    noteOrigin: archive,
    onProgress: (packedBytes) => progress.update(packedBytes),
  });
  progress[Symbol.dispose]();
  if (!quiet) {
    for (const key of Object.keys(unknown)) io.stderrLine(`The manifest has the key '${key}', which is not known here`);
    if (trust !== undefined) io.stderrLine(trust.text);
    io.stderrLine(`Unpacked ${count(entries, "entry", "entries")} (${formatBytes(bytes)}) to ${folder}`);
  }
  return ExitCode.Success;
}
