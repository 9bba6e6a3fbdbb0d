/** What is said about several measurements of the same thing. */

/** The upper of the two in the middle, if their number is even. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? NaN;
}
