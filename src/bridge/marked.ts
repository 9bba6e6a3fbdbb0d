/** Processes that carry a mark in their environment, which their children inherit: what a program has started, however far down. */

/** Names the variable; its value is a UUID for each program that we start. */
export const MARK = "AIMODELLIB_WORKER";

/**
 * Kills all processes that carry a mark. For a program without a keeper (`_bridge/keeper.py`), whose own number may belong to
 * somebody else by now.
 */
export function killMarked(mark: string): void {
  for (const pid of marked(mark)) {
    try {
      Deno.kill(pid, "SIGKILL");
    } catch {
      // The process has ended meanwhile, or belongs to another user.
    }
  }
}

/** The numbers of all processes that carry a mark. */
export function* marked(mark: string): Iterable<number> {
  const wanted = `${MARK}=${mark}`;
  for (const { name } of entries("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    let variables: string;
    try {
      variables = Deno.readTextFileSync(`/proc/${name}/environ`);
    } catch {
      // It has ended meanwhile, or belongs to another user.
      continue;
    }
    if (variables.split("\0").includes(wanted)) yield Number(name);
  }
}

function entries(path: string): Iterable<Deno.DirEntry> {
  try {
    return [...Deno.readDirSync(path)];
  } catch {
    // Without /proc, no process can be found.
    return [];
  }
}
