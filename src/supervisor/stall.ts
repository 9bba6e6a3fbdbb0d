/**
 * Helps those that a worker has behind, and before, a request that takes long.
 *
 * A worker of a fast model is given requests ahead (`window.ts`), and sends its answers when it has handled what it got. So one
 * request that takes long would hold up them all. When nothing was answered between two looks:
 *
 * 1. What the worker has finished is read from its ledger, and answered; but for what follows parts in the socket.
 * 2. What it has not begun is recalled: the ledger says so, and from then on the worker answers such a request with `recalled`
 *    instead of beginning it. At the next look, what it still has not begun goes to others.
 * 3. It gets no more until it has answered.
 *
 * The supervisor writes what is recalled, and reads what was begun a look later; the worker writes what it begins, then reads
 * what is recalled. So at least one of them sees the other, as in Dekker's algorithm, and no request is executed twice.
 *
 * What a processor stores reaches the memory later, and on arm64 in any order. Dekker's algorithm has fences for that; here the time
 * between two looks, 5 ms, takes their place: a processor keeps a store to itself for less than a microsecond, and what interrupts it
 * empties its store buffer.
 *
 * - The worker reads `recalled` before its store of `started` is visible: then that read came before the supervisor's write, and the
 *   store is visible a look later, when the supervisor reads `started`.
 * - The supervisor may see `pending` before the answers that it counts. So it takes answers only if both words are what they were at the
 *   look before: then nothing was stored in between, and what was stored before is visible. Each flush changes the second word for good, so
 *   that equal words can't hide a flush and another answer.
 * - A worker that is dead has no stores left: the kernel has ended it on its own processor.
 *
 * `tests/model/bridge.ts` is a model of all this. A unit test searches each of its states.
 */

import type { Frame, Ledger } from "../bridge/mod.ts";
import { canComeEarly } from "./answers.ts";
import type { InFlight } from "./in_flight.ts";
import type { Job } from "./job.ts";

/** Between two looks, in ms. A worker is given a millisecond of work ahead. */
const LOOK_MS = 5;

/** What is done with what is found. */
export interface StallOptions {
  /** What the worker has not answered; the jobs that are taken back are taken out of it. */
  readonly inFlight: () => InFlight;
  readonly ledger: () => Pick<Ledger, "peek" | "recall" | "words"> | undefined;
  /** Whether all requests are on their way: what still is to be sent can't be taken back. */
  readonly sent: () => boolean;
  /** The longest answer that is accepted, in bytes. */
  readonly maxBody: number;
  /** An answer came early: the worker will send it again. */
  readonly onFinished: (answer: Frame) => void;
  /** The worker does not begin these any more, in their order. */
  readonly onTakenBack: (jobs: readonly Job[]) => void;
}

/** Rescues requests that are stuck in one worker behind a slow one. */
export class Stall {
  readonly #options: StallOptions;
  /** Answers that are not to be heeded when they come. */
  readonly #known = new Set<number>();
  #timer: ReturnType<typeof setInterval> | undefined;
  /** Whether nothing was answered since the last look. */
  #silent = false;
  /** The words of the ledger at the last look. */
  #words: bigint | undefined;
  /** The last request that was recalled since the worker answered last; 0 if none was. */
  #recalled = 0;

  constructor(options: StallOptions) {
    this.#options = options;
  }

  /** Whether the worker is held up, and is to get nothing more. */
  get stalled(): boolean {
    return this.#recalled !== 0;
  }

  /** The worker has several requests. */
  watch(): void {
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS);
  }

  /** The worker has answered. Returns whether that answer is known already. */
  heard(id: number): boolean {
    this.#silent = false;
    this.#recalled = 0;
    return this.#known.size > 0 && this.#known.delete(id);
  }

  /** Looks no more. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    const { inFlight } = this.#options;
    if (inFlight().size < 2) this.stop();
    else if (this.#silent) this.#help();
    else this.#words = attempt(() => this.#options.ledger()?.words());
    this.#silent = true;
  }

  #help(): void {
    const { inFlight, ledger, sent, maxBody, onFinished, onTakenBack } = this.#options;
    const noted = attempt(() => ledger()?.peek(maxBody));
    if (noted === undefined) return;
    if (noted.words !== this.#words) {
      this.#words = noted.words;
      return;
    }
    const jobs = inFlight();
    for (const answer of noted.answers) {
      if (jobs.get(answer.id) === undefined || !canComeEarly(answer)) continue;
      this.#known.add(answer.id);
      onFinished(answer);
    }
    if (this.#recalled === 0) {
      if (!sent() || jobs.size < 2) return;
      attempt(() => {
        ledger()?.recall(jobs.last);
        // Unless that was written, the worker begins what it has.
        this.#recalled = jobs.last;
      });
    } else {
      const taken = jobs.takeYounger(noted.started);
      for (const [id] of taken) this.#known.add(id);
      if (taken.length > 0) onTakenBack(taken.map(([, job]) => job));
    }
  }
}

/** What a call gives; undefined if the ledger can't be read or written. Then the worker is not helped: it goes on by itself. */
function attempt<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}
