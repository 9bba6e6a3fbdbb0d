/**
 * The jobs that a worker has not answered, by request id.
 *
 * A ring instead of a `Map`: when V8 grows or shrinks a Map it leaves the old table pointing to the new one. Once such a
 * table is in the old generation it keeps the next alive, and with it the requests that were in flight then, until a full
 * collection: measured at 20,000 requests a second, that was 40 ms of pause every second.
 */

import type { Job } from "./job.ts";

/** Slots: a power of two, above the largest window. */
const SLOTS = 128;

const MAX_ID = 0xffff_ffff;

/** At most 128 jobs, whose ids follow each other. */
export class InFlight {
  readonly #slots: (Job | undefined)[] = new Array(SLOTS).fill(undefined);
  /** The ids of the jobs in the slots. */
  readonly #ids = new Uint32Array(SLOTS);
  /** The id given last. */
  #last: number;
  #size = 0;

  /** @param last the id before the first; a test of what comes after four billion begins there */
  constructor(last = 0) {
    this.#last = last;
  }

  /** How many jobs there are. */
  get size(): number {
    return this.#size;
  }

  /** Adds a job, and returns its id: from 1 on, and from 1 again when a u32 is full. */
  add(job: Job): number {
    this.#last = this.#last === MAX_ID ? 1 : this.#last + 1;
    this.#slots[this.#last % SLOTS] = job;
    this.#ids[this.#last % SLOTS] = this.#last;
    this.#size++;
    return this.#last;
  }

  /** Removes a job, or returns undefined if there is none with that id. */
  take(id: number): Job | undefined {
    const slot = id % SLOTS;
    const job = this.#slots[slot];
    if (job === undefined || this.#ids[slot] !== id) return undefined;
    this.#slots[slot] = undefined;
    this.#size--;
    return job;
  }

  /** Removes all jobs, and returns them with their ids, the oldest first. */
  clear(): [id: number, job: Job][] {
    const ids = [...this.#ids].filter((_, slot) => this.#slots[slot] !== undefined);
    ids.sort((a, b) => this.#age(b) - this.#age(a));
    return ids.map((id) => [id, this.take(id)!]);
  }

  /** How many ids ago `id` was given. */
  #age(id: number): number {
    return id <= this.#last ? this.#last - id : this.#last - id + MAX_ID;
  }
}
