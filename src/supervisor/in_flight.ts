/**
 * The unanswered jobs of a worker, by request id.
 *
 * This is a ring instead of a `Map`: when V8 grows or shrinks a Map, the old table points to the new one. Once such a table is in the
 * old generation, it keeps the next one alive, with the requests in flight at that time, until a full collection. At 20,000 requests
 * a second, we measured pauses of 40 ms every second.
 */

import type { Job } from "./job.ts";

const MAX_ID = 0xffff_ffff;

/** A ring of jobs with a fixed capacity, which gives them consecutive ids. */
export class InFlight {
  /** One less than the number of slots, which is a power of two. */
  readonly #mask: number;
  readonly #slots: (Job | undefined)[];
  /** The id of the job in each slot. */
  readonly #ids: Uint32Array;
  readonly #times: Float64Array;
  /** The last id given to a job. */
  #last: number;
  #size = 0;

  /**
   * @param most the most jobs that it must hold at once
   * @param last the id before the first one; tests use it to reach the wrap-around after four billion ids
   */
  constructor(most = 64, last = 0) {
    const slots = 2 ** Math.ceil(Math.log2(most * 2));
    this.#mask = slots - 1;
    this.#slots = new Array(slots).fill(undefined);
    this.#ids = new Uint32Array(slots);
    this.#times = new Float64Array(slots);
    this.#last = last;
  }

  /** The last id given to a job; 0 before the first. */
  get last(): number {
    return this.#last;
  }

  /** The number of jobs. */
  get size(): number {
    return this.#size;
  }

  /**
   * Adds a job and returns its id: 1 to 2^32 - 1, then 1 again. It skips ids whose slots long-running jobs still occupy.
   *
   * @param now the start of the job's time, for {@linkcode oldest}
   * @throws {RangeError} if all slots are taken
   */
  add(job: Job, now = 0): number {
    if (this.#size > this.#mask) throw new RangeError(`There are ${this.#size} jobs in flight already`);
    let slot: number;
    do {
      this.#last = this.#last === MAX_ID ? 1 : this.#last + 1;
      slot = this.#last & this.#mask;
    } while (this.#slots[slot] !== undefined);
    job.lease?.retain();
    this.#slots[slot] = job;
    this.#ids[slot] = this.#last;
    this.#times[slot] = now;
    this.#size++;
    return this.#last;
  }

  /** The earliest time at which a job was added or restarted; Infinity if there are no jobs. */
  oldest(): number {
    let oldest = Infinity;
    for (let slot = 0; slot <= this.#mask; slot++) {
      if (this.#slots[slot] !== undefined) oldest = Math.min(oldest, this.#times[slot]!);
    }
    return oldest;
  }

  /** Restarts the time of a job at `now`; `Infinity` suspends it. */
  restart(id: number, now: number): void {
    if (this.get(id) !== undefined) this.#times[id & this.#mask] = now;
  }

  /** The ids of the jobs that were added or restarted at `time` or earlier. */
  since(time: number): number[] {
    return [...this.#ids].filter((_, slot) => this.#slots[slot] !== undefined && this.#times[slot]! <= time);
  }

  /** The job with this id, or undefined. */
  get(id: number): Job | undefined {
    const slot = id & this.#mask;
    return this.#ids[slot] === id ? this.#slots[slot] : undefined;
  }

  /** Whether this job is in flight under this id. */
  has(id: number, job: Job): boolean {
    return this.get(id) === job;
  }

  /** Removes and returns the job with this id; undefined if there is no such job. */
  take(id: number): Job | undefined {
    const slot = id & this.#mask;
    const job = this.#slots[slot];
    if (job === undefined || this.#ids[slot] !== id) return undefined;
    this.#slots[slot] = undefined;
    this.#size--;
    job.lease?.release();
    return job;
  }

  /** All jobs with their ids, in no particular order. */
  entries(): [id: number, job: Job][] {
    return this.#slots.flatMap((job, slot) => job === undefined ? [] : [[this.#ids[slot]!, job]]);
  }

  /** Removes all jobs and returns them with their ids, the oldest first. */
  clear(): [id: number, job: Job][] {
    return this.#takeAll(() => true);
  }

  /** Removes the jobs added after the job `id` and returns them with their ids, the oldest first. */
  takeYounger(id: number): [id: number, job: Job][] {
    return this.#takeAll((each) => this.isYounger(each, id));
  }

  #takeAll(matches: (id: number) => boolean): [id: number, job: Job][] {
    const ids = [...this.#ids].filter((id, slot) => this.#slots[slot] !== undefined && matches(id));
    ids.sort((a, b) => this.#age(b) - this.#age(a));
    return ids.map((id) => [id, this.take(id)!]);
  }

  /** Whether `id` was given later than `other`, even across the wrap-around. */
  isYounger(id: number, other: number): boolean {
    return this.#age(id) < this.#age(other);
  }

  /** How many ids were given after `id`. */
  #age(id: number): number {
    return id <= this.#last ? this.#last - id : this.#last - id + MAX_ID;
  }
}
