/** How busy the thread is that sends the requests: a client that is always busy measures itself. */

/** Times of the main thread, in ms. */
interface ThreadTimes {
  readonly running: number;
  /** Ready to run, while others had the processors. */
  readonly waiting: number;
}

/** Measures which share of the time the main thread was running, or ready to run. */
export class Busyness {
  readonly #since = performance.now();
  readonly #before = readTimes();

  /** A share from 0 to 1 since this was made; undefined if the system does not tell. */
  share(): number | undefined {
    const now = readTimes();
    if (now === undefined || this.#before === undefined) return undefined;
    const spent = now.running - this.#before.running + now.waiting - this.#before.waiting;
    return Math.min(1, spent / (performance.now() - this.#since));
  }
}

/** Reads schedstat (proc_pid_schedstat(5)): nanoseconds on a processor, and in the queue for one. */
function readTimes(): ThreadTimes | undefined {
  try {
    const [running, waiting] = Deno.readTextFileSync(`/proc/self/task/${Deno.pid}/schedstat`).split(" ").map(Number);
    return running! > 0 ? { running: running! / 1e6, waiting: waiting! / 1e6 } : undefined;
  } catch {
    return undefined;
  }
}
