/** Watches waiting requests: refuses those that have waited too long, and drops those whose clients disconnect. */

import type { Job } from "./job.ts";
import type { JobQueue } from "./queue.ts";

/** Interval between two checks of the queue, in ms. */
const LOOK_MS = 10;

/** Watches the jobs of one queue, and removes those that time out or lose their client. */
export class QueueWatch {
  readonly #queue: JobQueue;
  readonly #timeoutMs: number;
  readonly #onLate: (job: Job) => void;
  #timer: ReturnType<typeof setInterval> | undefined;

  /**
   * @param timeoutMs the longest time that a job may wait, in ms
   * @param onLate called with each job that has waited longer
   */
  constructor(queue: JobQueue, timeoutMs: number, onLate: (job: Job) => void) {
    this.#queue = queue;
    this.#timeoutMs = timeoutMs;
    this.#onLate = onLate;
  }

  /** Watches a job that was added to the queue. @param ticket its ticket; left out for a returned job */
  added(job: Job, ticket = NaN): void {
    const drop = () => {
      if (this.#queue.drop(ticket, job)) job.settle({ kind: "refused", cause: "gone" });
    };
    job.client?.onLeave(drop);
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS);
  }

  /** Stops the checks. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    for (const job of this.#queue.takeAcceptedBefore(performance.now() - this.#timeoutMs)) {
      job.settle({ kind: "refused", cause: "timeout" });
      this.#onLate(job);
    }
    if (this.#queue.size === 0) this.stop();
  }
}
