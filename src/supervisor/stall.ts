/**
 * Rescues requests stuck in a worker around a slow one.
 *
 * The supervisor sends a worker of a fast model several requests ahead (`window.ts`), and the worker sends its answers when it has
 * handled all of them. One slow request would hold them all up. When a worker has answered nothing between two checks:
 *
 * 1. The supervisor reads finished answers from the worker's ledger and delivers them, except those that follow parts in the socket.
 * 2. It recalls, through the ledger, the requests that the worker has not begun. The worker answers a recalled request with `recalled`
 *    instead of beginning it. At the next check, requests that it still has not begun go to other workers.
 * 3. The worker gets no more requests until it has answered.
 *
 * The supervisor writes `recalled`, and reads `started` one check later; the worker writes `started`, then reads `recalled`. As in
 * Dekker's algorithm, at least one of them sees the other's write, and no request is executed twice.
 *
 * A processor's stores reach memory later, and on arm64 in any order. Dekker's algorithm uses fences against that; here, the 5 ms
 * between two checks replace them: a processor delays a store by less than a microsecond, and an interrupt empties its store buffer.
 *
 * - If the worker reads `recalled` before its store to `started` is visible, that read came before the supervisor's write, and the
 *   store is visible one check later, when the supervisor reads `started`.
 * - The supervisor may see `pending` before the answers that it counts. It therefore takes answers only if both words are unchanged
 *   since the last check: then nothing was stored in between, and earlier stores are visible. Each flush changes the second word for
 *   good, which keeps equal words from hiding a flush and another answer.
 * - A dead worker has no stores left: the kernel has ended it on its own processor.
 *
 * `tests/model/bridge.ts` models this protocol, and a unit test searches all of its states.
 */

import type { Frame, Ledger } from "../bridge/mod.ts";
import { canComeEarly } from "./answers.ts";
import type { InFlight } from "./in_flight.ts";
import type { Job } from "./job.ts";

/** Interval between two checks, in ms. The window of a worker holds a millisecond of work behind the request that it executes. */
const LOOK_MS = 5;

/** Options of a {@linkcode Stall}: the worker's state, and who is told. */
export interface StallOptions {
  /** The unanswered jobs of the worker. Jobs that are taken back are removed from it. */
  readonly inFlight: InFlight;
  readonly ledger: Pick<Ledger, "peek" | "recall" | "words">;
  /** Whether all requests were written to the socket: one that is still to be sent can't be taken back. */
  readonly sent: () => boolean;
  /** The longest answer that is accepted, in bytes. */
  readonly maxBody: number;
  /** Called with an answer from the ledger; the worker will send it again. */
  readonly onFinished: (answer: Frame) => void;
  /** Called with jobs that the worker will never begin, in their order. */
  readonly onTakenBack: (jobs: readonly Job[]) => void;
}

/** Rescues requests that are stuck in one worker behind a slow one. */
export class Stall {
  readonly #options: StallOptions;
  /** Requests already answered or taken back; the worker's own answers to them are ignored. */
  readonly #known = new Set<number>();
  #timer: ReturnType<typeof setInterval> | undefined;
  /** Whether nothing was answered since the last check. */
  #silent = false;
  /** The two words of the ledger at the last check. */
  #words: bigint | undefined;
  /** The last request recalled since the worker's last answer; 0 if there is none. */
  #recalled = 0;

  constructor(options: StallOptions) {
    this.#options = options;
  }

  /** Whether a slow request holds the worker up, which then gets no more jobs. */
  get stalled(): boolean {
    return this.#recalled !== 0;
  }

  /** Starts the checks. Call it when the worker has several requests. */
  watch(): void {
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS);
  }

  /** Records an answer of the worker. @returns whether it must be ignored, because the request was answered or taken back before */
  heard(id: number): boolean {
    this.#silent = false;
    this.#recalled = 0;
    return this.#known.size > 0 && this.#known.delete(id);
  }

  /** Stops the checks. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    const { inFlight } = this.#options;
    if (inFlight.size < 2) this.stop();
    else if (this.#silent) this.#help();
    else this.#words = attempt(() => this.#options.ledger.words());
    this.#silent = true;
  }

  #help(): void {
    const { inFlight, ledger, sent, maxBody, onFinished, onTakenBack } = this.#options;
    const noted = attempt(() => ledger.peek(maxBody));
    if (noted === undefined) return;
    if (noted.words !== this.#words) {
      this.#words = noted.words;
      return;
    }
    for (const answer of noted.answers) {
      if (inFlight.get(answer.id) === undefined || !canComeEarly(answer)) continue;
      this.#known.add(answer.id);
      onFinished(answer);
    }
    if (this.#recalled === 0) {
      if (!sent() || inFlight.size < 2) return;
      attempt(() => {
        ledger.recall(inFlight.last);
        // This line runs only if the write succeeded; otherwise the worker begins its requests as usual.
        this.#recalled = inFlight.last;
      });
    } else {
      const taken = inFlight.takeYounger(noted.started);
      for (const [id] of taken) this.#known.add(id);
      if (taken.length > 0) onTakenBack(taken.map(([, job]) => job));
    }
  }
}

/** Returns undefined if the ledger can't be read or written. The worker's requests then simply wait. */
function attempt<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}
