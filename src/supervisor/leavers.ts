/**
 * Finds out whose client has left while a worker has its request, for the worker to be told.
 *
 * To watch a client costs its request a quarter of what all else does, and what is quick has ended before it could make use
 * of it. So all are watched where requests take long of late; elsewhere only one that has taken long itself.
 */

import type { InFlight } from "./in_flight.ts";
import type { Job } from "./job.ts";

/** From how much time per request on a worker is slow, in ms. */
const SLOW_MS = 5;

/** Between two looks at what a quick worker has, in ms: what is there at the second is watched. */
const LOOK_MS = 10;

/** Of one worker. */
export class Leavers {
  readonly #inFlight: () => InFlight;
  readonly #onLeft: (id: number, job: Job) => void;
  readonly #watched = new WeakSet<Job>();
  /** Until the first was answered, each may take long. */
  #slow = true;
  #looking: ReturnType<typeof setInterval> | undefined;
  /** Whether all are watched, quick or not. */
  always = false;

  /** @param onLeft called once for each job whose client has left, which may have been answered meanwhile */
  constructor(inFlight: () => InFlight, onLeft: (id: number, job: Job) => void) {
    this.#inFlight = inFlight;
    this.#onLeft = onLeft;
  }

  /** The worker is sent a job. */
  add(id: number, job: Job): void {
    if (this.always || this.#slow) this.#watch(id, job);
    else if (this.#looking === undefined) this.#look();
  }

  /** The worker has answered so many in this time. */
  observe(answered: number, ms: number): void {
    this.#slow = ms > answered * SLOW_MS;
  }

  /** The worker is no more. */
  stop(): void {
    clearInterval(this.#looking);
    this.#looking = undefined;
  }

  #watch(id: number, job: Job): void {
    if (this.#watched.has(job)) return;
    this.#watched.add(job);
    const gone = job.gone?.();
    if (gone?.aborted) this.#onLeft(id, job);
    else gone?.addEventListener("abort", () => this.#onLeft(id, job), { once: true });
  }

  #look(): void {
    let before = new WeakSet<Job>();
    this.#looking = setInterval(() => {
      const inFlight = this.#inFlight();
      if (inFlight.size === 0) return this.stop();
      const now = new WeakSet<Job>();
      for (const [id, job] of inFlight.entries()) {
        if (before.has(job)) this.#watch(id, job);
        now.add(job);
      }
      before = now;
    }, LOOK_MS);
    Deno.unrefTimer(this.#looking);
  }
}
