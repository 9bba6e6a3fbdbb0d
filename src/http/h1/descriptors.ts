/** File descriptors of this process. */

/** How many are open, and how many may be. */
export interface Descriptors {
  readonly open: number;
  readonly limit: number;
}

/**
 * Tells how many file descriptors are open and how many may be.
 *
 * @param atLeast how many are known to be open: while that is less than half of what may be, it is taken for all
 */
export type DescriptorCounter = (atLeast: number) => Descriptors;

/**
 * Makes a counter. How many may be open is found out now, since it is too late when there is none left; infinitely many where the
 * system does not say.
 */
export function descriptorCounter(): DescriptorCounter {
  const limit = readLimit();
  return (atLeast) => ({ open: 2 * atLeast < limit ? atLeast : countOpen(limit), limit });
}

function readLimit(): number {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(Deno.readTextFileSync("/proc/self/limits")) ?? [];
    return soft === undefined ? Infinity : Number(soft);
  } catch {
    return Infinity;
  }
}

function countOpen(limit: number): number {
  try {
    return [...Deno.readDirSync("/proc/self/fd")].length;
  } catch {
    // There is none left to look with.
    return limit;
  }
}
