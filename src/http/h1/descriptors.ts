/** File descriptors of this process. */

/** How many are open, and how many may be. */
export interface Descriptors {
  readonly open: number;
  readonly limit: number;
}

let limit: number | undefined;

/**
 * Counts them; infinitely many may be open where the system does not say how many.
 *
 * @param atLeast how many are known to be open: as long as that is less than half of what may be, nothing is counted
 */
export function descriptors(atLeast: number): Descriptors {
  limit ??= readLimit();
  return { open: 2 * atLeast < limit ? atLeast : countOpen(), limit };
}

function readLimit(): number {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(Deno.readTextFileSync("/proc/self/limits")) ?? [];
    return soft === undefined ? Infinity : Number(soft);
  } catch {
    return Infinity;
  }
}

function countOpen(): number {
  try {
    return [...Deno.readDirSync("/proc/self/fd")].length;
  } catch {
    // There is none left to look with.
    return limit!;
  }
}
