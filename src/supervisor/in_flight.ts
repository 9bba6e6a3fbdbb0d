/**
 * The jobs that a worker has not answered, by request id.
 *
 * A ring instead of a `Map`: when V8 grows or shrinks a Map it leaves the old table pointing to the new one. Once such a
 * table is in the old generation it keeps the next alive, and with it the requests that were in flight then, until a full
 * collection: measured at 20,000 requests a second, that was 40 ms of pause every second.
 */

import type { Job } from "./job.ts";

const MAX_ID = 0xffff_ffff;

/** A limited number of jobs, whose ids follow each other. */
export class InFlight {
  /** One less than the number of slots, which is a power of two. */
  readonly #mask: number;
  readonly #slots: (Job | undefined)[];
  /** The ids of the jobs in the slots. */
  readonly #ids: Uint32Array;
  readonly #times: Float64Array;
  /** The id given last. */
  #last: number;
  #size = 0;

  /**
   * @param most the most jobs that there may be at once
   * @param last the id before the first; a test of what comes after four billion begins there
   */
  constructor(most = 64, last = 0) {
    const slots = 2 ** Math.ceil(Math.log2(most * 2));
    this.#mask = slots - 1;
    this.#slots = new Array(slots).fill(undefined);
    this.#ids = new Uint32Array(slots);
    this.#times = new Float64Array(slots);
    this.#last = last;
  }

  /** The id that was given last; 0 if none was. */
  get last(): number {
    return this.#last;
  }

  /** How many jobs there are. */
  get size(): number {
    return this.#size;
  }

  /**
   * Adds a job, and returns its id: from 1 on, and from 1 again when a u32 is full. An id whose slot is taken by a job that
   * takes long is left out.
   *
   * @param now when, for {@linkcode oldest}
   * @throws {RangeError} if there are too many
   */
  add(job: Job, now = 0): number {
    if (this.#size > this.#mask) throw new RangeError(`There are ${this.#size} jobs in flight already`);
    let slot: number;
    do {
      this.#last = this.#last === MAX_ID ? 1 : this.#last + 1;
      slot = this.#last & this.#mask;
    } while (this.#slots[slot] !== undefined);
    this.#slots[slot] = job;
    this.#ids[slot] = this.#last;
    this.#times[slot] = now;
    this.#size++;
    return this.#last;
  }

  /** When the job that is in it the longest was added, or has begun anew; Infinity if there is none. */
  oldest(): number {
    let oldest = Infinity;
    for (let slot = 0; slot <= this.#mask; slot++) {
      if (this.#slots[slot] !== undefined) oldest = Math.min(oldest, this.#times[slot]!);
    }
    return oldest;
  }

  /** Has the time of a job begin anew; from `Infinity` on, it does not run. */
  restart(id: number, now: number): void {
    if (this.get(id) !== undefined) this.#times[id & this.#mask] = now;
  }

  /** The ids of the jobs that were added, or begun anew, no later than `time`. */
  since(time: number): number[] {
    return [...this.#ids].filter((_, slot) => this.#slots[slot] !== undefined && this.#times[slot]! <= time);
  }

  /** The job with an id; undefined if there is none. */
  get(id: number): Job | undefined {
    const slot = id & this.#mask;
    return this.#ids[slot] === id ? this.#slots[slot] : undefined;
  }

  /** Whether a job is in it. */
  has(id: number, job: Job): boolean {
    return this.get(id) === job;
  }

  /** Removes a job, or returns undefined if there is none with that id. */
  take(id: number): Job | undefined {
    const slot = id & this.#mask;
    const job = this.#slots[slot];
    if (job === undefined || this.#ids[slot] !== id) return undefined;
    this.#slots[slot] = undefined;
    this.#size--;
    return job;
  }

  /** All jobs with their ids, in no order. */
  entries(): [id: number, job: Job][] {
    return this.#slots.flatMap((job, slot) => job === undefined ? [] : [[this.#ids[slot]!, job]]);
  }

  /** Removes all jobs, and returns them with their ids, the oldest first. */
  clear(): [id: number, job: Job][] {
    return this.#takeAll(() => true);
  }

  /** Removes the jobs whose ids were given after `id`, and returns them with theirs, the oldest first. */
  takeYounger(id: number): [id: number, job: Job][] {
    return this.#takeAll((each) => this.isYounger(each, id));
  }

  #takeAll(matches: (id: number) => boolean): [id: number, job: Job][] {
    const ids = [...this.#ids].filter((id, slot) => this.#slots[slot] !== undefined && matches(id));
    ids.sort((a, b) => this.#age(b) - this.#age(a));
    return ids.map((id) => [id, this.take(id)!]);
  }

  /** Whether an id was given after another one. */
  isYounger(id: number, other: number): boolean {
    return this.#age(id) < this.#age(other);
  }

  /** How many ids ago `id` was given. */
  #age(id: number): number {
    return id <= this.#last ? this.#last - id : this.#last - id + MAX_ID;
  }
}
