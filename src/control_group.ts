/** Reads memory limits and OOM kills of this process's control group: cgroups(7), version 2 or 1. */

/** Reads files, and the machine's memory in bytes; tests replace it. */
export interface MemorySources {
  readonly read: (path: string) => string;
  readonly total: () => number;
}

const SYSTEM: MemorySources = {
  read: Deno.readTextFileSync,
  total: () => Deno.systemMemoryInfo().total,
};

/**
 * The memory that this process may use, in bytes: the machine's, or less if a control group limits it.
 *
 * A container sees its own group either at the root or under its path on the host, and the limits of a group's parents apply as
 * well.
 */
export function memoryLimit({ read, total }: MemorySources = SYSTEM): number {
  let limit = total();
  for (const { folder, version } of groups(attempt(read, "/proc/self/cgroup"))) {
    const text = attempt(read, `${folder}/${version === 2 ? "memory.max" : "memory.limit_in_bytes"}`).trim();
    // No limit is "max", or a number larger than any machine's memory.
    if (/^\d+$/.test(text)) limit = Math.min(limit, Number(text));
  }
  return limit;
}

/**
 * The number of processes that the kernel has killed for lack of memory: in this process's group, or on the machine if the group
 * has no such counter. Undefined if neither is known.
 */
export function oomKills({ read }: Pick<MemorySources, "read"> = SYSTEM): number | undefined {
  for (const { folder, version } of groups(attempt(read, "/proc/self/cgroup"))) {
    const text = attempt(read, `${folder}/${version === 2 ? "memory.events" : "memory.oom_control"}`);
    const count = countIn(text);
    if (count !== undefined) return count;
  }
  return countIn(attempt(read, "/proc/vmstat"));
}

function countIn(text: string): number | undefined {
  const digits = /^oom_kill (\d+)$/m.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** The folders of this process's groups, each before its parents. @param text the content of `/proc/self/cgroup` */
function* groups(text: string): Generator<{ readonly folder: string; readonly version: 1 | 2 }> {
  for (const line of text.split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    const version = controllers === "" ? 2 : 1;
    if (version === 1 && !controllers!.split(",").includes("memory")) continue;
    const root = version === 2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
    for (let group = path.replace(/\/+$/, "");; group = group.slice(0, group.lastIndexOf("/"))) {
      yield { folder: `${root}${group}`, version };
      if (group === "") break;
    }
  }
}

function attempt(read: MemorySources["read"], path: string): string {
  try {
    return read(path);
  } catch {
    return "";
  }
}
