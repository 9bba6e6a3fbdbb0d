/**
 * The requests that wait for a worker: first in, first out, but for those that come back from a worker that never began
 * them, which go first.
 *
 * An array with holes instead of a `Set`: what is dropped from the middle costs nothing, and V8 does not keep old tables of
 * it alive (see `in_flight.ts`).
 */

import type { Job } from "./job.ts";

/** Holes at the front, from which on they are cut off. */
const CUT_AT = 1024;

/** A queue of jobs. */
export class JobQueue {
  /** Those that came back, in their order. */
  #returned: Job[] = [];
  #jobs: (Job | undefined)[] = [];
  /** Where the first one is that may be there. */
  #head = 0;
  /** The ticket of the place 0. */
  #first = 0;
  #waiting = 0;

  /** How many jobs wait. */
  get size(): number {
    return this.#returned.length + this.#waiting;
  }

  /** Adds a job at the end; returns a ticket for {@linkcode drop}. */
  push(job: Job): number {
    this.#jobs.push(job);
    this.#waiting++;
    return this.#first + this.#jobs.length - 1;
  }

  /** The job that {@linkcode take} takes; undefined if none waits. */
  get first(): Job | undefined {
    return this.#returned[0] ?? this.#seekFirst();
  }

  /** Puts jobs at the head, in their order. */
  putBack(jobs: readonly Job[]): void {
    if (jobs.length > 0) this.#returned = [...jobs, ...this.#returned];
  }

  /** Takes the first one; undefined if none waits. */
  take(): Job | undefined {
    const job = this.first;
    if (this.#returned.length > 0) this.#returned.shift();
    else if (job !== undefined) this.#remove(this.#head);
    return job;
  }

  /** Removes a job that was not taken; gives whether it was there. */
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

  /** Takes all that were accepted before a time, in ms of `performance.now()`. */
  takeAcceptedBefore(time: number): Job[] {
    const late = this.#returned.filter(({ acceptedAt }) => acceptedAt < time);
    if (late.length > 0) this.#returned = this.#returned.filter(({ acceptedAt }) => acceptedAt >= time);
    for (let job = this.#seekFirst(); job !== undefined && job.acceptedAt < time; job = this.#seekFirst()) {
      this.#remove(this.#head);
      late.push(job);
    }
    return late;
  }

  /** The job at the head of the line, without those that came back. */
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
