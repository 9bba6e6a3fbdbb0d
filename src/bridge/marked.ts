/** Finds all descendants of a program by a mark in their environment, which every child inherits. */

/** The environment variable that holds the mark: a UUID, different for each program that we start. */
export const MARK = "AIMODELLIB_WORKER";

/**
 * Kills all processes that carry a mark. This is for programs without a keeper (`_bridge/keeper.py`): once such a program has
 * ended, its process id may belong to another process.
 */
export function killMarked(mark: string): void {
  for (const pid of marked(mark)) {
    try {
      Deno.kill(pid, "SIGKILL");
    } catch {
      // The process has ended, or belongs to another user.
    }
  }
}

/** Yields the ids of all processes that carry a mark. */
export function* marked(mark: string): Iterable<number> {
  const wanted = `${MARK}=${mark}`;
  for (const { name } of entries("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    let variables: string;
    try {
      variables = Deno.readTextFileSync(`/proc/${name}/environ`);
    } catch {
      // The process has ended, or belongs to another user.
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
