/** Files with secrets that other users of the machine may read or change. */

const OTHERS_READ = 0o004;
const OTHERS_WRITE = 0o002;
const OTHERS_SEARCH = 0o001;

/**
 * What other users than its owner's and its group's may do with a file: read it, or write it; undefined if nothing, or if it is none.
 *
 * @param path of a file; `/dev/fd/3` and pipes are nobody's but this process's
 */
export function openToOthers(path: string): "read" | "changed" | undefined {
  try {
    const real = Deno.realPathSync(path);
    const { isFile, mode } = Deno.statSync(real);
    const rights = mode ?? 0;
    if (!isFile || (rights & (OTHERS_READ | OTHERS_WRITE)) === 0) return undefined;
    // Nobody comes to a file through a folder that is closed.
    for (let end = real.lastIndexOf("/"); end >= 0; end = real.lastIndexOf("/", end - 1)) {
      if (((Deno.statSync(real.slice(0, end) || "/").mode ?? 0) & OTHERS_SEARCH) === 0) return undefined;
      if (end === 0) break;
    }
    return (rights & OTHERS_WRITE) === 0 ? "read" : "changed";
  } catch {
    return undefined;
  }
}
