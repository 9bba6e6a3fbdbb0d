/** Memory and processor time of processes, read from /proc: a worker that is stuck can't report its own. */

import { residentBytes } from "../supervisor/mod.ts";

/** Units of processor time in a second: USER_HZ, which is 100 on all architectures that we build for. */
const TICKS = 100;

/** Readings older than this are ignored, in ms. */
const OLD_MS = 5_000;

/** What a process uses. */
export interface ProcessUsage {
  /** Resident memory, in bytes. */
  readonly memory?: number;
  /** Processors that it used since the reading before: 1 is one whole processor. */
  readonly cpu?: number;
}

interface Reading {
  readonly ticks: number;
  /** In ms of `performance.now()`. */
  readonly at: number;
}

/** Reads what processes use, again and again. */
export class ProcessUsages {
  #before = new Map<number, Reading>();
  /** Read when it is first needed. */
  #pageBytes: number | undefined;

  /** Reads all processes; the next call computes the processor time since this one. */
  read(pids: readonly number[]): ReadonlyMap<number, ProcessUsage> {
    const readings = new Map<number, Reading>();
    const usages = new Map<number, ProcessUsage>();
    for (const pid of pids) {
      const { ticks, pages } = parseStat(read(`/proc/${pid}/stat`)) ?? {};
      const at = performance.now();
      const before = this.#before.get(pid);
      if (ticks !== undefined) readings.set(pid, { ticks, at });
      const cpu = ticks === undefined || before === undefined || at <= before.at || at - before.at > OLD_MS
        ? undefined
        : Math.max(0, (ticks - before.ticks) / TICKS / ((at - before.at) / 1000));
      usages.set(pid, {
        ...(pages !== undefined && { memory: pages * (this.#pageBytes ??= pageBytes()) }),
        ...(cpu !== undefined && { cpu: Math.round(cpu * 1000) / 1000 }),
      });
    }
    this.#before = readings;
    return usages;
  }
}

/**
 * Reads the text of `/proc/PID/stat`: the processor time (fields 14 and 15) and the resident pages (field 24). The second field is a name in
 * parentheses, which may contain spaces and parentheses. Reading `status` as well would take twice as long.
 *
 * @returns undefined if the text is something else
 */
export function parseStat(stat: string): { readonly ticks: number; readonly pages: number } | undefined {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [ticks, pages] = [Number(fields[11]) + Number(fields[12]), Number(fields[21])];
  return Number.isFinite(ticks) && Number.isFinite(pages) ? { ticks, pages } : undefined;
}

/**
 * The size of a page in bytes, which differs among arm64 machines: computed from this process's memory in bytes and in pages, and
 * rounded to a power of 2.
 */
function pageBytes(): number {
  const bytes = residentBytes("self");
  const pages = parseStat(read("/proc/self/stat"))?.pages;
  return bytes === undefined || !pages ? 4096 : 2 ** Math.round(Math.log2(bytes / pages));
}

/** The text of a file; empty if it can't be read, such as after the end of the process. */
function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
