/** Limits the records about frequent events: it reports the first one at once, and the number of those that follow. */

/** Interval between two records of one kind of event, in ms. */
const PERIOD_MS = 10_000;

/** Reports the first event of a kind at once, and then every 10 s the number of further ones. */
export class Seldom<Kind extends string> {
  readonly #tellMore: (kind: Kind, count: number) => void;
  /** The number of events since the last record, for kinds with a record less than a period ago. */
  readonly #counts = new Map<Kind, number>();
  #timer: ReturnType<typeof setInterval> | undefined;

  /** @param tellMore reports the number of events since the last record, at least one */
  constructor(tellMore: (kind: Kind, count: number) => void) {
    this.#tellMore = tellMore;
  }

  /** Counts an event. @param tell reports it; called at once if there was no event of this kind for a period */
  add(kind: Kind, tell: () => void): void {
    const count = this.#counts.get(kind);
    if (count !== undefined) {
      this.#counts.set(kind, count + 1);
      return;
    }
    this.#counts.set(kind, 0);
    tell();
    this.#timer ??= setInterval(() => this.#look(), PERIOD_MS);
  }

  /** Reports the numbers not reported yet, and resets all counts. */
  stop(): void {
    this.#look();
    this.#counts.clear();
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    for (const [kind, count] of this.#counts) {
      if (count === 0) {
        this.#counts.delete(kind);
        continue;
      }
      this.#counts.set(kind, 0);
      this.#tellMore(kind, count);
    }
    if (this.#counts.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
