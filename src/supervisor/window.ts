/**
 * How many requests a worker may have before it has answered the first of them.
 *
 * With one at a time, a fast model would wait for the socket between any two requests; with many, a request could wait behind a slow
 * one although another worker is free. As a compromise, the window holds the request that is being executed, and about a millisecond of
 * work behind it. A model that takes up to a millisecond therefore always has a request behind the one that it executes. The measured time
 * includes the supervisor's own delays: without that request, a busy supervisor would take a fast model for a slow one, and let it wait.
 */

/** The amount of work that a worker is sent ahead of the request that it executes, in ms. */
const WORK_AHEAD_MS = 1;

/** The largest window: enough to make the socket's round trip negligible. */
const MAX_WINDOW = 64;

/**
 * How many batches of answers are remembered. The median of their times decides: a pause of the machine, or one slow request among
 * fast ones, does not shrink the window, and a model that has become slow shrinks it after half as many batches.
 */
const REMEMBERED = 15;

/** The window of one worker, which adapts to the measured service time. */
export class Window {
  /** The times of the last batches, in ms per answer: as a ring, and sorted. */
  readonly #times = new Float64Array(REMEMBERED);
  readonly #sorted = new Float64Array(REMEMBERED);
  #count = 0;
  #next = 0;
  #size = 1;
  readonly #fixed: number | undefined;

  /** @param fixed a constant size, for a worker that executes several requests at once or in batches */
  constructor(fixed?: number) {
    this.#fixed = fixed;
  }

  /** The number of requests that may be in flight, from 1 (slow model) to 64 (fast one), unless it is fixed. */
  get size(): number {
    return this.#fixed ?? this.#size;
  }

  /**
   * Records that `count` answers arrived, `elapsedMs` after the worker began the first of them. That time includes the socket's round
   * trip, whose share shrinks the more requests there are; this lets the window of a fast model grow.
   */
  observe(count: number, elapsedMs: number): void {
    if (this.#fixed !== undefined) return;
    const time = elapsedMs / count;
    const forgotten = this.#times[this.#next]!;
    this.#times[this.#next] = time;
    this.#next = (this.#next + 1) % REMEMBERED;
    const median = this.#insert(time, this.#count === REMEMBERED ? forgotten : undefined);
    this.#size = Math.min(MAX_WINDOW, 1 + Math.floor(WORK_AHEAD_MS / median));
  }

  /** Inserts a time into the sorted ones, replacing `forgotten` if it is given, and returns their median. */
  #insert(time: number, forgotten: number | undefined): number {
    // Sorting all of them again would take longer than everything else that is done for a batch.
    const sorted = this.#sorted;
    let gap = forgotten === undefined ? this.#count++ : sorted.indexOf(forgotten);
    for (; gap > 0 && sorted[gap - 1]! > time; gap--) sorted[gap] = sorted[gap - 1]!;
    for (; gap + 1 < this.#count && sorted[gap + 1]! < time; gap++) sorted[gap] = sorted[gap + 1]!;
    sorted[gap] = time;
    return sorted[this.#count >> 1]!;
  }
}
