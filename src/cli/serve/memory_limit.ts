/** How much memory this process may use, as the system says. */

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
 * The memory of the machine, or less if a control group limits it, in bytes: cgroups(7), version 2 or 1.
 *
 * A container sees its own group either at the root or by the path that it has on the host, and each group is limited by those
 * that it is in.
 */
export function memoryLimit({ read, total }: MemorySources = SYSTEM): number {
  let limit = total();
  for (const [root, path, file] of groups(attempt(read, "/proc/self/cgroup"))) {
    for (let group = path;; group = group.slice(0, group.lastIndexOf("/"))) {
      const text = attempt(read, `${root}${group}/${file}`).trim();
      // Without a limit there is "max", or a number that no machine has.
      if (/^\d+$/.test(text)) limit = Math.min(limit, Number(text));
      if (group === "") break;
    }
  }
  return limit;
}

/** Where the limits of this process's groups are. @param text of `/proc/self/cgroup` */
function* groups(text: string): Generator<readonly [root: string, path: string, file: string]> {
  for (const line of text.split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    const group = path.replace(/\/+$/, "");
    if (controllers === "") yield ["/sys/fs/cgroup", group, "memory.max"];
    else if (controllers!.split(",").includes("memory")) {
      yield ["/sys/fs/cgroup/memory", group, "memory.limit_in_bytes"];
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
