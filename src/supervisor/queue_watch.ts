/**
 * Looks after the requests that wait: refuses those that have waited too long, and drops those whose clients leave.
 *
 * To watch a client costs its request a quarter of what all else does (`leavers.ts`), and where the line moves quickly
 * nobody leaves it. So a request is watched from its beginning only if those before it have waited for long, else when it has itself.
 */

import type { Job } from "./job.ts";
import type { JobQueue } from "./queue.ts";

/** Between two looks at the queue, in ms. */
const LOOK_MS = 10;
/**
 * From which on a wait is long, in ms: hardly anybody leaves sooner. A hundred connections of a fast model wait for 10 ms each, and
 * watching them took a seventh of what is answered a second.
 */
const LONG_MS = 50;

/** Of one queue. */
export class QueueWatch {
  readonly #queue: JobQueue;
  readonly #timeoutMs: number;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** @param timeoutMs the longest that a job may wait */
  constructor(queue: JobQueue, timeoutMs: number) {
    this.#queue = queue;
    this.#timeoutMs = timeoutMs;
  }

  /** A job was put at the end of the queue. */
  added(): void {
    const first = this.#queue.first;
    if (first !== undefined && performance.now() - first.acceptedAt >= LONG_MS) this.#watchAll();
    this.#start();
  }

  /** Jobs came back to its head. */
  returned(jobs: readonly Job[]): void {
    for (const job of jobs) this.#watch(job);
    this.#start();
  }

  /** Looks no more. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #start(): void {
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS);
  }

  #look(): void {
    const now = performance.now();
    for (const job of this.#queue.takeAcceptedBefore(now - this.#timeoutMs)) {
      job.settle({ kind: "refused", cause: "timeout" });
    }
    const first = this.#queue.first;
    if (first === undefined) this.stop();
    else if (now - first.acceptedAt >= LONG_MS) this.#watchAll();
  }

  /** All that were not watched yet. */
  #watchAll(): void {
    this.#queue.forEachNew((job, ticket) => this.#watch(job, ticket));
  }

  #watch(job: Job, ticket = NaN): void {
    const gone = job.gone?.();
    const drop = () => {
      if (this.#queue.drop(ticket, job)) job.settle({ kind: "refused", cause: "gone" });
    };
    if (gone?.aborted) drop();
    else gone?.addEventListener("abort", drop, { once: true });
  }
}
