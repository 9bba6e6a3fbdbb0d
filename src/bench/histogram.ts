/** How often each length of time occurred, in memory that does not depend on how many were recorded. */

/**
 * Cells per power of two. A cell is at most 1/128 of its value wide, and quantiles are the middle of a cell, so their error is
 * below 0.4 %.
 */
const CELLS = 128;

/** log2(CELLS). */
const CELL_BITS = 7;

/** The longest time that is recorded exactly, in µs, about 35 minutes; longer ones count as this. */
const MAX_MICROS = 2 ** 31 - 1;

/** One bar of a drawn histogram: how many times were above the bar before and at most `upToMs`. */
export interface Bar {
  readonly upToMs: number;
  readonly count: number;
}

/** Counts lengths of time, in cells whose width grows with the length, as HdrHistogram does. */
export class Histogram {
  readonly #counts = new Float64Array((32 - CELL_BITS) * CELLS);
  #total = 0;
  #sum = 0;
  #min = Infinity;
  #max = 0;

  /** How many times were recorded. */
  get count(): number {
    return this.#total;
  }

  /** The shortest recorded time in ms; NaN if none was recorded. */
  get min(): number {
    return this.#total === 0 ? NaN : this.#min;
  }

  /** The longest recorded time in ms; NaN if none was recorded. */
  get max(): number {
    return this.#total === 0 ? NaN : this.#max;
  }

  /** The mean in ms; NaN if nothing was recorded. */
  get mean(): number {
    return this.#sum / this.#total;
  }

  /** Records a time in ms. */
  record(ms: number): void {
    this.#counts[cellOf(ms)]!++;
    this.#total++;
    this.#sum += ms;
    if (ms < this.#min) this.#min = ms;
    if (ms > this.#max) this.#max = ms;
  }

  /** Adds all times that another histogram recorded. */
  add(other: Histogram): void {
    for (let cell = 0; cell < this.#counts.length; cell++) this.#counts[cell]! += other.#counts[cell]!;
    this.#total += other.#total;
    this.#sum += other.#sum;
    this.#min = Math.min(this.#min, other.#min);
    this.#max = Math.max(this.#max, other.#max);
  }

  /** The time in ms that a share of all recorded times does not exceed, such as 0.99; NaN if nothing was recorded. */
  quantile(share: number): number {
    if (this.#total === 0) return NaN;
    const rank = Math.max(1, Math.ceil(share * this.#total - 1e-9));
    let seen = 0;
    for (let cell = 0; cell < this.#counts.length; cell++) {
      seen += this.#counts[cell]!;
      if (seen >= rank) return clamp((lowerMs(cell) + lowerMs(cell + 1)) / 2, this.#min, this.#max);
    }
    return this.#max;
  }

  /** How many recorded times lie in a cell that begins at `ms` or later. */
  countFrom(ms: number): number {
    let count = 0;
    for (let cell = cellOf(ms); cell < this.#counts.length; cell++) count += this.#counts[cell]!;
    return count;
  }

  /** At most `bars` bars from the shortest to the longest time, each of which ends at the same multiple of the one before. */
  bars(bars: number): Bar[] {
    if (this.#total === 0) return [];
    const shortest = Math.max(this.#min, 0.001);
    const ratio = Math.max((this.#max / shortest) ** (1 / bars), 1.02);
    const found: Bar[] = [];
    let cell = 0;
    for (let upTo = shortest * ratio; found.length < bars; upTo *= ratio) {
      const end = cellOf(upTo);
      const isLast = found.length === bars - 1 || end >= cellOf(this.#max);
      let count = 0;
      for (; cell <= (isLast ? this.#counts.length - 1 : end); cell++) count += this.#counts[cell]!;
      found.push({ upToMs: isLast ? this.#max : lowerMs(cell), count });
      if (isLast) break;
    }
    return found;
  }
}

/** The cell of a time: for up to 128 µs one for each µs, then 128 for each power of two. */
function cellOf(ms: number): number {
  const micros = clamp(Math.floor(ms * 1000), 0, MAX_MICROS);
  const shift = Math.max(0, 31 - Math.clz32(micros) - CELL_BITS);
  return shift * CELLS + (micros >>> shift);
}

/** The shortest time of a cell, in ms. */
function lowerMs(cell: number): number {
  const shift = Math.max(0, Math.floor(cell / CELLS) - 1);
  return (cell - shift * CELLS) * 2 ** shift / 1000;
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
