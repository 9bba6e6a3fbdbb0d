/**
 * The requests that wait for a worker: first in, first out. Requests that a worker returned without beginning them go first. The queue
 * itself refuses requests that have waited too long, and drops those whose clients have disconnected.
 *
 * The queue is an array with holes instead of a `Set`: a removal from the middle is cheap, and V8 keeps no old tables alive (see
 * `in_flight.ts`).
 */

import type { Job } from "./job.ts";

/** The number of holes at the front at which the array is cut. */
const CUT_AT = 1024;

/** Interval between two checks for jobs that have waited too long, in ms. */
const LOOK_MS = 10;

/** A queue of jobs. A job leaves it when a worker takes it, when it has waited too long, or when its client disconnects. */
export class JobQueue {
  readonly #timeoutMs: number;
  readonly #onLate: (job: Job) => void;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** Jobs that workers returned, in their order. */
  #returned: Job[] = [];
  #jobs: (Job | undefined)[] = [];
  /** The index before which the array has only holes. */
  #head = 0;
  /** The ticket of the job at index 0. */
  #first = 0;
  #waiting = 0;

  /**
   * @param timeoutMs the longest time that a job may wait, counted from its `acceptedAt`, in ms
   * @param onLate called with each job that was refused because it waited longer
   */
  constructor(timeoutMs: number, onLate: (job: Job) => void) {
    this.#timeoutMs = timeoutMs;
    this.#onLate = onLate;
  }

  /** The number of waiting jobs. */
  get size(): number {
    return this.#returned.length + this.#waiting;
  }

  /** Adds a job at the end. */
  push(job: Job): void {
    const ticket = this.#first + this.#jobs.push(job) - 1;
    this.#waiting++;
    this.#watch(job, () => this.#remove(ticket, job));
  }

  /** The job that {@linkcode take} would return; undefined if the queue is empty. */
  get first(): Job | undefined {
    return this.#returned[0] ?? this.#seekFirst();
  }

  /** Puts returned jobs at the head of the queue, in their order. */
  putBack(jobs: readonly Job[]): void {
    if (jobs.length === 0) return;
    this.#returned = [...jobs, ...this.#returned];
    for (const job of jobs) this.#watch(job, () => this.#removeReturned(job));
  }

  /** Removes and returns the first job; undefined if the queue is empty. */
  take(): Job | undefined {
    const job = this.first;
    if (this.#returned.length > 0) this.#returned.shift();
    else if (job !== undefined) this.#empty(this.#head);
    return job;
  }

  /** Stops the checks. Jobs that are still in the queue wait without a limit. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #watch(job: Job, remove: () => boolean): void {
    job.client?.onLeave(() => {
      if (remove()) job.settle({ kind: "refused", cause: "gone" });
    });
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS);
  }

  #look(): void {
    for (const job of this.#takeAcceptedBefore(performance.now() - this.#timeoutMs)) {
      job.settle({ kind: "refused", cause: "timeout" });
      this.#onLate(job);
    }
    if (this.size === 0) this.stop();
  }

  #takeAcceptedBefore(time: number): Job[] {
    const late = this.#returned.filter(({ acceptedAt }) => acceptedAt < time);
    if (late.length > 0) this.#returned = this.#returned.filter(({ acceptedAt }) => acceptedAt >= time);
    for (let job = this.#seekFirst(); job !== undefined && job.acceptedAt < time; job = this.#seekFirst()) {
      this.#empty(this.#head);
      late.push(job);
    }
    return late;
  }

  /** Removes a job that was not returned. @returns whether it was in the queue */
  #remove(ticket: number, job: Job): boolean {
    const place = ticket - this.#first;
    const waits = place >= 0 && this.#jobs[place] === job;
    if (waits) this.#empty(place);
    return waits;
  }

  /** Removes a returned job. @returns whether it was in the queue */
  #removeReturned(job: Job): boolean {
    const place = this.#returned.indexOf(job);
    if (place >= 0) this.#returned.splice(place, 1);
    return place >= 0;
  }

  /** The first job, leaving returned ones aside. */
  #seekFirst(): Job | undefined {
    if (this.#waiting === 0) return undefined;
    while (this.#jobs[this.#head] === undefined) this.#head++;
    return this.#jobs[this.#head];
  }

  /** Leaves a hole at this index. */
  #empty(place: number): void {
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
