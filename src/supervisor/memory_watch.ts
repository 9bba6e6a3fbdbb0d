/** What a process takes of the memory, looked at from outside: one that is killed for it says nothing any more. */

import { memoryLimit } from "../control_group.ts";

/** Between two looks, in ms. */
const LOOK_MS = 1_000;

/** The share of the memory that there is from which a process that is killed was likely killed for it. */
const NEAR = 0.9;

/** Memory of a process, and when that was. */
export interface MemorySeen {
  /** In RAM, in bytes. */
  readonly bytes: number;
  /** In ms of `performance.now()`. */
  readonly at: number;
}

/** Looks at a process about once a second, while that is asked for. */
export class MemoryWatch implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;
  #last: MemorySeen | undefined;

  /**
   * @param pid of the process
   * @param isBusy whether there is a reason to look
   */
  constructor(pid: number, isBusy: () => boolean) {
    this.#timer = setInterval(() => {
      if (isBusy()) this.saw(residentBytes(pid));
    }, LOOK_MS);
    Deno.unrefTimer(Number(this.#timer));
  }

  /** What was seen last; undefined if nothing was. */
  get last(): MemorySeen | undefined {
    return this.#last;
  }

  /** Whether it had nearly all the memory that there is when it was looked at last. */
  isNearLimit(limit: () => number = memoryLimit): boolean {
    return this.#last !== undefined && this.#last.bytes > NEAR * limit();
  }

  /** It takes so many bytes now; undefined is not heeded. */
  saw(bytes: number | undefined): void {
    if (bytes !== undefined) this.#last = { bytes, at: performance.now() };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** Memory of a process that is in RAM; undefined if it is not there, or has none any more. */
function residentBytes(pid: number): number | undefined {
  try {
    const [, kilobytes] = /^VmRSS:\s*(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`)) ?? [];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    return undefined;
  }
}
