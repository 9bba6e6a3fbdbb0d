/**
 * The requests that wait for a worker: first in, first out. Requests that a worker returned without beginning them go first.
 *
 * This is an array with holes instead of a `Set`: a removal from the middle is cheap, and V8 keeps no old tables alive (see
 * `in_flight.ts`).
 */

import type { Job } from "./job.ts";

/** The number of holes at the front at which the array is cut. */
const CUT_AT = 1024;

/** A queue of jobs, from which any job can be removed. */
export class JobQueue {
  /** Jobs that workers returned, in their order. */
  #returned: Job[] = [];
  #jobs: (Job | undefined)[] = [];
  /** The index before which the array has only holes. */
  #head = 0;
  /** The ticket of the job at index 0. */
  #first = 0;
  #waiting = 0;

  /** The number of waiting jobs. */
  get size(): number {
    return this.#returned.length + this.#waiting;
  }

  /** Adds a job at the end and returns a ticket for {@linkcode drop}. */
  push(job: Job): number {
    this.#jobs.push(job);
    this.#waiting++;
    return this.#first + this.#jobs.length - 1;
  }

  /** The job that {@linkcode take} would return; undefined if the queue is empty. */
  get first(): Job | undefined {
    return this.#returned[0] ?? this.#seekFirst();
  }

  /** Puts returned jobs at the head of the queue, in their order. */
  putBack(jobs: readonly Job[]): void {
    if (jobs.length > 0) this.#returned = [...jobs, ...this.#returned];
  }

  /** Removes and returns the first job; undefined if the queue is empty. */
  take(): Job | undefined {
    const job = this.first;
    if (this.#returned.length > 0) this.#returned.shift();
    else if (job !== undefined) this.#remove(this.#head);
    return job;
  }

  /** Removes a waiting job. @returns whether it was in the queue */
  drop(ticket: number, job: Job): boolean {
    const place = ticket - this.#first;
    if (place >= 0 && this.#jobs[place] === job) {
      this.#remove(place);
      return true;
    }
    const returned = this.#returned.indexOf(job);
    if (returned >= 0) this.#returned.splice(returned, 1);
    return returned >= 0;
  }

  /** Removes and returns all jobs accepted before `time`, in ms of `performance.now()`. */
  takeAcceptedBefore(time: number): Job[] {
    const late = this.#returned.filter(({ acceptedAt }) => acceptedAt < time);
    if (late.length > 0) this.#returned = this.#returned.filter(({ acceptedAt }) => acceptedAt >= time);
    for (let job = this.#seekFirst(); job !== undefined && job.acceptedAt < time; job = this.#seekFirst()) {
      this.#remove(this.#head);
      late.push(job);
    }
    return late;
  }

  /** The first job, leaving returned ones aside. */
  #seekFirst(): Job | undefined {
    if (this.#waiting === 0) return undefined;
    while (this.#jobs[this.#head] === undefined) this.#head++;
    return this.#jobs[this.#head];
  }

  #remove(place: number): void {
    this.#jobs[place] = undefined;
    this.#waiting--;
    if (this.#waiting === 0) {
      this.#cut(this.#jobs.length);
    } else if (place === this.#head) {
      this.#head++;
      if (this.#head >= CUT_AT && this.#head * 2 >= this.#jobs.length) this.#cut(this.#head);
    }
  }

  #cut(count: number): void {
    this.#jobs.splice(0, count);
    this.#first += count;
    this.#head = 0;
  }
}
