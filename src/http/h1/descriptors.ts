/** Counts the file descriptors of this process. */

/** How many file descriptors are open, and how many may be. */
export interface Descriptors {
  readonly open: number;
  readonly limit: number;
}

/**
 * Tells how many file descriptors are open and how many may be.
 *
 * @param atLeast how many are known to be open: below half of the limit, this number is returned without counting
 */
export type DescriptorCounter = (atLeast: number) => Descriptors;

/**
 * Makes a counter. It reads the limit now, since that takes a descriptor, and later there may be no free one. If the system does not
 * tell the limit, it is infinite.
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
    // Reading the directory needs a free descriptor, and there is none.
    return limit;
  }
}
