/** Watches the memory of a process from outside: a process that is killed for its memory can't report it any more. */

import { memoryLimit } from "../control_group.ts";

/** Interval between two readings, in ms. */
const LOOK_MS = 1_000;

/** The fraction of the available memory above which a killed process was probably killed for its memory. */
const NEAR = 0.9;

/** A reading of a process's memory, and its time. */
export interface MemorySeen {
  /** Resident memory, in bytes. */
  readonly bytes: number;
  /** The time of the reading, in ms of `performance.now()`. */
  readonly at: number;
}

/** Reads the memory of a process about once a second, while the process is busy. */
export class MemoryWatch implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;
  #last: MemorySeen | undefined;

  /**
   * @param pid the process id
   * @param isBusy whether to read the memory now
   */
  constructor(pid: number, isBusy: () => boolean) {
    this.#timer = setInterval(() => {
      if (isBusy()) this.saw(residentBytes(pid));
    }, LOOK_MS);
    Deno.unrefTimer(Number(this.#timer));
  }

  /** The last reading; undefined if there is none. */
  get last(): MemorySeen | undefined {
    return this.#last;
  }

  /** Whether the last reading was close to the memory limit. @param limit the limit in bytes */
  isNearLimit(limit: () => number = memoryLimit): boolean {
    return this.#last !== undefined && this.#last.bytes > NEAR * limit();
  }

  /** Records a reading, in bytes; undefined is ignored. */
  saw(bytes: number | undefined): void {
    if (bytes !== undefined) this.#last = { bytes, at: performance.now() };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** The resident memory of a process, in bytes; undefined if the process has ended. */
export function residentBytes(pid: number | "self"): number | undefined {
  try {
    const [, kilobytes] = /^VmRSS:\s*(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`)) ?? [];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    return undefined;
  }
}
