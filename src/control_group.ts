/** What the control group that this process is in says of memory: cgroups(7), version 2 or 1. */

/** The files that are read, and the machine's memory in bytes; tests have others. */
export interface MemorySources {
  readonly read: (path: string) => string;
  readonly total: () => number;
}

const SYSTEM: MemorySources = {
  read: Deno.readTextFileSync,
  total: () => Deno.systemMemoryInfo().total,
};

/**
 * The memory of the machine, or less if a control group limits it, in bytes.
 *
 * A container sees its own group either at the root or by the path that it has on the host, and each group is limited by those
 * that it is in.
 */
export function memoryLimit({ read, total }: MemorySources = SYSTEM): number {
  let limit = total();
  for (const { folder, version } of groups(attempt(read, "/proc/self/cgroup"))) {
    const text = attempt(read, `${folder}/${version === 2 ? "memory.max" : "memory.limit_in_bytes"}`).trim();
    // Without a limit there is "max", or a number that no machine has.
    if (/^\d+$/.test(text)) limit = Math.min(limit, Number(text));
  }
  return limit;
}

/**
 * How many processes the system has killed since memory ran out: of this process's group, or of the machine where the group does
 * not tell. Undefined if nothing does.
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

/** Where this process's groups are, each before those that it is in. @param text of `/proc/self/cgroup` */
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
