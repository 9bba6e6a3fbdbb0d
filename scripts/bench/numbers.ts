/** What is said about several measurements of the same thing. */

/** The upper of the two in the middle, if their number is even. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? NaN;
}

/** How often medians are taken anew to see how much they vary. */
const RESAMPLES = 2000;

/**
 * The interval that has the median with a probability of 95 %, by bootstrap: rounds are drawn anew, and then values of each, since those of
 * one round have more in common than those of several.
 *
 * @param rounds the values of each round; each round has at least one
 * @param random gives numbers from 0 to less than 1
 */
export function interval(
  rounds: readonly (readonly number[])[],
  random: () => number = Math.random,
): { readonly low: number; readonly high: number } {
  const draw = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const medians = Array.from({ length: RESAMPLES }, () =>
    median(rounds.flatMap(() => {
      const round = draw(rounds);
      return round.map(() => draw(round));
    }))).sort((a, b) => a - b);
  const at = (share: number) => medians[Math.floor(share * (RESAMPLES - 1))] ?? NaN;
  return { low: at(0.025), high: at(0.975) };
}
