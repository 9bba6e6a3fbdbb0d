/** Carries out `aimodellib cache`. */

import { ARCHIVES, RUNS, sweepRuns } from "../../archive/mod.ts";
import { cacheDir } from "../../cache/folder.ts";
import { type Kept, listKept, removeKept, sweep } from "../../cache/shelf.ts";
import { ENVIRONMENTS } from "../../environment/options.ts";
import { UsageError } from "../../errors.ts";
import { ExitCode } from "../errors.ts";
import type { Io } from "../terminal/io.ts";
import { count, formatBytes } from "../terminal/format.ts";

/** The options of the command. */
export interface CacheOptions {
  readonly action: "list" | "prune";
  readonly olderThanDays?: number | undefined;
  readonly json: boolean;
}

interface Listed extends Kept {
  readonly kind: "archive" | "environment";
  /** The size of all its files, in bytes. */
  readonly bytes: number;
}

const MS_PER_DAY = 24 * 3600 * 1000;

/**
 * Lists or removes cached environments and archives.
 *
 * @returns the exit code
 * @throws {UsageError} if no variable determines a cache directory
 */
export async function runCache({ action, olderThanDays, json }: CacheOptions, io: Io): Promise<number> {
  const folder = cacheDir(io.env);
  if (folder === undefined) throw new UsageError("There is no cache: set AIMODELLIB_CACHE_DIR or HOME");
  const shelves = [["archive", `${folder}/${ARCHIVES}`], ["environment", `${folder}/${ENVIRONMENTS}`]] as const;
  const before = Date.now() - (olderThanDays ?? 0) * MS_PER_DAY;
  const found = shelves.flatMap(([kind, shelf]) =>
    listKept(shelf).filter(({ lastUsed }) => lastUsed.getTime() <= before)
      .map((kept): Listed => ({ ...kept, kind, bytes: bytesOf(kept.root) }))
  );
  if (action === "list") {
    if (json) io.stdoutJson(`${JSON.stringify(found, null, 2)}\n`);
    else for (const kept of found) io.stdoutLine(describe(kept));
    return ExitCode.Success;
  }
  const removed: Listed[] = [];
  for (const kept of found) {
    if (await removeKept(kept)) removed.push(kept);
    else io.stderrLine(`${describe(kept)} is in use and was not removed`);
  }
  for (const [, shelf] of shelves) sweep(shelf);
  await sweepRuns(`${folder}/${RUNS}`);
  if (json) io.stdoutJson(`${JSON.stringify(removed, null, 2)}\n`);
  const bytes = removed.reduce((sum, { bytes }) => sum + bytes, 0);
  io.stderrLine(`Removed ${count(removed.length, "entry", "entries")}, ${formatBytes(bytes)}`);
  return ExitCode.Success;
}

function describe({ kind, digest, lastUsed, bytes }: Listed): string {
  return `${kind.padEnd(11)}  ${digest.slice(0, 16)}  ${lastUsed.toISOString().slice(0, 16)}Z  ${formatBytes(bytes)}`;
}

function bytesOf(folder: string): number {
  let bytes = 0;
  for (const { name, isDirectory, isFile } of Deno.readDirSync(folder)) {
    if (isDirectory) bytes += bytesOf(`${folder}/${name}`);
    else if (isFile) bytes += Deno.statSync(`${folder}/${name}`).size;
  }
  return bytes;
}
