/** The file system in memory, for the many small files that tests make and remove. */

import { statfsSync } from "node:fs";

const FOLDER = "/dev/shm";
/** How much it must have room for, and how much memory must be available: far more than tests use, in bytes. */
const ROOM_BYTES = 4 * 2 ** 30;
const MEMORY_BYTES = 8 * 2 ** 30;

/** The path of a tmpfs with enough free space that allows programs to be executed; undefined if this machine has no such file system. */
export function folderInMemory(): string | undefined {
  const mounts = Deno.readTextFileSync("/proc/self/mounts").split("\n").map((line) => line.split(" "));
  const [, , type, options = ""] = mounts.findLast(([, path]) => path === FOLDER) ?? [];
  if (type !== "tmpfs" || !/^rw\b/.test(options) || options.split(",").includes("noexec")) return undefined;
  const { bavail, bsize } = statfsSync(FOLDER);
  return bavail * bsize >= ROOM_BYTES && Deno.systemMemoryInfo().available >= MEMORY_BYTES ? FOLDER : undefined;
}
