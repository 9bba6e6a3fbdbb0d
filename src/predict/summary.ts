/** What has become of a run. */

/** Counts of a run, which grow while it goes on. */
export interface Tally {
  /** Records whose lines, or files, are written, by this run and by those that it goes on with. */
  records: number;
  /** How many of them were there before. */
  resumed: number;
  /** Inputs that were left out, since their outputs are there. */
  skipped: number;
  /** Bytes of the inputs that were read, as stored. */
  read: number;
  /** Records that have failed. */
  failed: number;
}

/** Makes a tally of nothing. */
export function emptyTally(): Tally {
  return { records: 0, resumed: 0, skipped: 0, read: 0, failed: 0 };
}
