/** Which slots of a piece of shared memory are in use, and which of the others still take memory. */

/** A fixed number of slots. */
export class Slots {
  readonly #used: boolean[];
  /** Whether a slot was used since {@linkcode takeIdle} was called last; undefined if its memory was given back. */
  readonly #touched: (boolean | undefined)[];
  /** How many are in use. */
  used = 0;

  constructor(readonly count: number) {
    this.#used = new Array(count).fill(false);
    this.#touched = new Array(count).fill(undefined);
  }

  /** Takes the lowest free slot, whose memory is most likely in a processor's cache; undefined if all are in use. */
  take(): number | undefined {
    const slot = this.#used.indexOf(false);
    if (slot < 0) return undefined;
    this.#used[slot] = this.#touched[slot] = true;
    this.used++;
    return slot;
  }

  /** Frees a slot. @throws {RangeError} if it is not in use */
  free(slot: number): void {
    if (this.#used[slot] !== true) throw new RangeError(`Slot ${slot} is not in use`);
    this.#used[slot] = false;
    this.used--;
  }

  /** Whether any slot takes memory. */
  get warm(): boolean {
    return this.#touched.some((touched) => touched !== undefined);
  }

  /** The free slots that were not used since the last call; from now on, they take no memory: the caller gives it back. */
  takeIdle(): number[] {
    const idle: number[] = [];
    for (let slot = 0; slot < this.count; slot++) {
      if (this.#used[slot] || this.#touched[slot] === undefined) continue;
      if (this.#touched[slot]) this.#touched[slot] = false;
      else {
        this.#touched[slot] = undefined;
        idle.push(slot);
      }
    }
    return idle;
  }
}
