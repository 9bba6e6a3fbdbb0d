/** The counts of a run. */

/** Counts that grow during a run. */
export interface Tally {
  /** Records whose lines or files are written, by this run and the runs that it resumes. */
  records: number;
  /** How many of them earlier runs wrote. */
  resumed: number;
  /** Inputs that were left out because their outputs exist. */
  skipped: number;
  /** Bytes of the inputs that were read, as stored. */
  read: number;
  /** Records that have failed. */
  failed: number;
}

/** Makes a tally of zeros. */
export function emptyTally(): Tally {
  return { records: 0, resumed: 0, skipped: 0, read: 0, failed: 0 };
}
