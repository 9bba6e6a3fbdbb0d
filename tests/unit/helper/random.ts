/** Pseudorandom numbers that are the same in each run. */

/** Yields numbers from 0 to less than 1 (mulberry32). */
export function* numbers(seed: number): Generator<number, never> {
  while (true) {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    yield ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
}
