/** Memory and processor time of processes, read from /proc: a worker that is stuck can't report its own. */

/** Units of processor time in a second: USER_HZ, which is 100 on all architectures that we build for. */
const TICKS = 100;

/** An older reading says nothing of the present, in ms. */
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

  /** Reads all processes; the next call computes the processor time since this one. */
  read(pids: readonly number[]): ReadonlyMap<number, ProcessUsage> {
    const readings = new Map<number, Reading>();
    const usages = new Map<number, ProcessUsage>();
    for (const pid of pids) {
      const ticks = ticksOf(read(`/proc/${pid}/stat`));
      const memory = memoryOf(read(`/proc/${pid}/status`));
      const at = performance.now();
      const before = this.#before.get(pid);
      if (ticks !== undefined) readings.set(pid, { ticks, at });
      const cpu = ticks === undefined || before === undefined || at <= before.at || at - before.at > OLD_MS
        ? undefined
        : Math.max(0, (ticks - before.ticks) / TICKS / ((at - before.at) / 1000));
      usages.set(pid, {
        ...(memory !== undefined && { memory }),
        ...(cpu !== undefined && { cpu: Math.round(cpu * 1000) / 1000 }),
      });
    }
    this.#before = readings;
    return usages;
  }
}

/** The processor time in the text of `stat`: the 14th and 15th field. The second one is a name in parentheses, which may contain spaces. */
export function ticksOf(stat: string): number | undefined {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  return Number.isFinite(ticks) ? ticks : undefined;
}

/** The resident memory in the text of `status`, in bytes. */
export function memoryOf(status: string): number | undefined {
  const kilobytes = /^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

/** The text of a file; empty if it can't be read, such as after the end of the process. */
function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
