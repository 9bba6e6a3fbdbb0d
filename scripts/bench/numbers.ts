/** Statistics of repeated measurements. */

/** Returns the median; of an even number of values, the upper of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? NaN;
}

/** How many times the bootstrap resamples. */
const RESAMPLES = 2000;

/**
 * Returns the 95 % confidence interval of the median, by bootstrap. It resamples first rounds and then values of each round, since the values
 * of one round are correlated.
 *
 * @param rounds the values of each round; each round has at least one
 * @param random returns numbers from 0 to less than 1
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
