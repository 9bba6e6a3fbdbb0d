/** Limits that `serve` and `predict` have in common. */

/** The longest answer of a worker, in bytes: what fits in the memory of most machines. */
export const MAX_ANSWER = 2 ** 30;
