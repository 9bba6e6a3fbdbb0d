/** Measures how busy the sending thread is: a client that is always busy measures itself. */

/** Times of the main thread, in ms. */
interface ThreadTimes {
  readonly running: number;
  /** How long the thread was ready to run while others used the CPUs. */
  readonly waiting: number;
}

/** Measures which share of the time the main thread was running, or ready to run. */
export class Busyness {
  readonly #since = performance.now();
  readonly #before = readTimes();

  /** The share since this object was made, from 0 to 1; undefined if the system does not report it. */
  share(): number | undefined {
    const now = readTimes();
    if (now === undefined || this.#before === undefined) return undefined;
    const spent = now.running - this.#before.running + now.waiting - this.#before.waiting;
    return Math.min(1, spent / (performance.now() - this.#since));
  }
}

/** Reads schedstat (proc_pid_schedstat(5)): nanoseconds on a CPU, and in the queue for one. */
function readTimes(): ThreadTimes | undefined {
  try {
    const [running, waiting] = Deno.readTextFileSync(`/proc/self/task/${Deno.pid}/schedstat`).split(" ").map(Number);
    return running! > 0 ? { running: running! / 1e6, waiting: waiting! / 1e6 } : undefined;
  } catch {
    return undefined;
  }
}
