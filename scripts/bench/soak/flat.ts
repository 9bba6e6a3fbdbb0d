/** Finds out whether a repeated measurement stays flat. */

/** Repeated measurements of one value, in order. */
export class Series {
  readonly #values: number[] = [];

  /**
   * @param name what is measured
   * @param slack how much the value may grow: by a share plus an absolute number
   */
  constructor(readonly name: string, readonly slack: { readonly share: number; readonly number: number }) {}

  add(value: number): void {
    this.#values.push(value);
  }

  /** Compares the mean of the second quarter, after warming up, with that of the last quarter. */
  get growth(): { readonly from: number; readonly to: number; readonly isFlat: boolean } {
    const quarter = (index: number) => {
      const { length } = this.#values;
      const part = this.#values.slice(Math.floor(length * index / 4), Math.floor(length * (index + 1) / 4));
      return part.reduce((sum, value) => sum + value, 0) / part.length;
    };
    const [from, to] = [quarter(1), quarter(3)];
    return { from, to, isFlat: to <= from * (1 + this.slack.share) + this.slack.number };
  }

  /** Describes the growth for a report. */
  toString(): string {
    const { from, to, isFlat } = this.growth;
    return `${this.name}: ${from.toFixed(0)} in the second quarter, ${to.toFixed(0)} in the last${
      isFlat ? "" : " (!)"
    }`;
  }
}
