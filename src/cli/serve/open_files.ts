/** Detects files with secrets that other users of the machine can read or change. */

const OTHERS_READ = 0o004;
const OTHERS_WRITE = 0o002;
const OTHERS_SEARCH = 0o001;

/**
 * What users outside the owner's group can do with a file; undefined if they have no access, or the path is not a file.
 *
 * @param path a file's path; `/dev/fd/3` and pipes belong to this process alone
 */
export function openToOthers(path: string): "read" | "changed" | undefined {
  try {
    const real = Deno.realPathSync(path);
    const { isFile, mode } = Deno.statSync(real);
    const rights = mode ?? 0;
    if (!isFile || (rights & (OTHERS_READ | OTHERS_WRITE)) === 0) return undefined;
    // A folder without search permission protects everything in it.
    for (let end = real.lastIndexOf("/"); end >= 0; end = real.lastIndexOf("/", end - 1)) {
      if (((Deno.statSync(real.slice(0, end) || "/").mode ?? 0) & OTHERS_SEARCH) === 0) return undefined;
      if (end === 0) break;
    }
    return (rights & OTHERS_WRITE) === 0 ? "read" : "changed";
  } catch {
    return undefined;
  }
}
