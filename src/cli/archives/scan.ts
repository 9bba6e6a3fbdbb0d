/** The frame of the commands that read an archive. */

import {
  ArchiveError,
  type ArchiveSource,
  labelOf,
  type Limits,
  naming,
  openArchive,
  scan,
  type ScanOptions,
  type ScanResult,
} from "../../archive/mod.ts";
import type { Io } from "../terminal/io.ts";
import { Progress } from "../terminal/progress.ts";
import { demandSignature, type Trust, type TrustOptions } from "./trust.ts";

/** What {@linkcode readArchive} needs to know of a command. */
export interface ReadOptions extends Limits, TrustOptions {
  readonly archive: string;
  readonly quiet?: boolean;
}

/**
 * Opens an archive, demands its signature if there is a key, shows progress, stops on a signal, and adds the archive's name to its
 * errors.
 *
 * @param done what a signal prevents, such as "unpacked"
 * @param read gets the open archive, and options to scan or unpack it with
 * @returns the result of `read`, and the signature that was verified
 * @throws {UsageError} if the archive does not exist
 * @throws {ArchiveError} if it is not valid, or not signed as demanded
 */
export async function readArchive<T>(
  { archive, quiet, ...options }: ReadOptions,
  done: string,
  io: Io,
  read: (source: ArchiveSource, options: ScanOptions) => Promise<T>,
): Promise<{ readonly result: T; readonly trust: Trust | undefined }> {
  const { maxEntries, maxSize, maxRatio } = options;
  return await naming(labelOf(archive), async () => {
    const trust = demandSignature(archive, options);
    using stop = stopOnSignal(io, done);
    using source = openArchive(archive, stop.signal);
    using progress = new Progress(io, source.size, quiet);
    const result = await read(source, {
      limits: { maxEntries, maxSize, maxRatio },
      signal: stop.signal,
      witness: trust?.witness,
      onProgress: (packedBytes) => progress.update(packedBytes),
    });
    return { result, trust };
  });
}

/** {@linkcode readArchive} for commands that only check an archive. */
export function scanWhole(
  options: ReadOptions,
  io: Io,
): Promise<{ readonly result: ScanResult; readonly trust: Trust | undefined }> {
  return readArchive(options, "read to its end", io, (source, rest) => scan(source.read, {}, rest));
}

/** Aborts work on an archive when SIGINT or SIGTERM comes. @param done what the signal prevents, such as "packed" */
export function stopOnSignal(io: Io, done: string): Disposable & { readonly signal: AbortSignal } {
  const stop = new AbortController();
  const signals = io.onSignal((name) => stop.abort(new ArchiveError(`was not ${done}: stopped by ${name}`)));
  return { signal: stop.signal, [Symbol.dispose]: () => signals[Symbol.dispose]() };
}
