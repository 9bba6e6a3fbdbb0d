/** Reading an archive to its end for a command that says how far it is, and may be stopped. */

import { ArchiveError, type Limits, openArchive, scan } from "../../archive/mod.ts";
import type { Io } from "../terminal/io.ts";
import { Progress } from "../terminal/progress.ts";
import { demandSignature, type Trust, type TrustOptions } from "./trust.ts";

/**
 * Reads it, checking all that can be wrong with it, its signature too if one is demanded.
 *
 * @throws {UsageError} if it is not there
 * @throws {ArchiveError} which says what is wrong with it
 */
export async function scanWhole(
  archive: string,
  options: Limits & TrustOptions & { readonly quiet?: boolean },
  io: Io,
): Promise<{ readonly result: Awaited<ReturnType<typeof scan>>; readonly trust: Trust | undefined }> {
  const trust = demandSignature(archive, options);
  const stop = new AbortController();
  using _signals = io.onSignal((signal) => stop.abort(new ArchiveError(`Stopped by ${signal}`)));
  using source = openArchive(archive);
  using progress = new Progress(io, source.size, options.quiet);
  const result = await scan(source.read, {}, {
    limits: options,
    signal: stop.signal,
    witness: trust?.witness,
    onProgress: (packedBytes) => progress.update(packedBytes),
  });
  return { result, trust };
}
