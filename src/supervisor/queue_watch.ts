/** Looks after the requests that wait: refuses those that have waited too long, and drops those whose clients leave. */

import type { Job } from "./job.ts";
import type { JobQueue } from "./queue.ts";

/** Between two looks at the queue, in ms. */
const LOOK_MS = 10;

/** Watches the jobs in one queue, and takes out those that nobody waits for any more. */
export class QueueWatch {
  readonly #queue: JobQueue;
  readonly #timeoutMs: number;
  readonly #onLate: (job: Job) => void;
  #timer: ReturnType<typeof setInterval> | undefined;

  /**
   * @param timeoutMs the longest that a job may wait
   * @param onLate is told of each that has waited for so long
   */
  constructor(queue: JobQueue, timeoutMs: number, onLate: (job: Job) => void) {
    this.#queue = queue;
    this.#timeoutMs = timeoutMs;
    this.#onLate = onLate;
  }

  /** A job waits from now on. @param ticket what the queue has given for it, unless it came back */
  added(job: Job, ticket = NaN): void {
    const drop = () => {
      if (this.#queue.drop(ticket, job)) job.settle({ kind: "refused", cause: "gone" });
    };
    job.client?.onLeave(drop);
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS);
  }

  /** Looks no more. */
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
