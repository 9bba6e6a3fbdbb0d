/** Whether something that is measured again and again stays where it is. */

/** Measurements of one thing, in the order in which they were made. */
export class Series {
  readonly #values: number[] = [];

  /**
   * @param name what is measured
   * @param slack by how much it may grow: a share, and a number
   */
  constructor(readonly name: string, readonly slack: { readonly share: number; readonly number: number }) {}

  add(value: number): void {
    this.#values.push(value);
  }

  /** From its second quarter, when it has warmed up, to its last: means. */
  get growth(): { readonly from: number; readonly to: number; readonly isFlat: boolean } {
    const quarter = (index: number) => {
      const { length } = this.#values;
      const part = this.#values.slice(Math.floor(length * index / 4), Math.floor(length * (index + 1) / 4));
      return part.reduce((sum, value) => sum + value, 0) / part.length;
    };
    const [from, to] = [quarter(1), quarter(3)];
    return { from, to, isFlat: to <= from * (1 + this.slack.share) + this.slack.number };
  }

  /** What it is in a report. */
  toString(): string {
    const { from, to, isFlat } = this.growth;
    return `${this.name}: ${from.toFixed(0)} in the second quarter, ${to.toFixed(0)} in the last${
      isFlat ? "" : " (!)"
    }`;
  }
}
