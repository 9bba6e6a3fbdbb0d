/**
 * Reaps orphans. A process whose parent has ended becomes a child of process 1, and stays a zombie until that waits for it. In a
 * container without an init, process 1 is this program; its orphans are keepers of workers and processes that scripts leave.
 *
 * Deno waits for the programs that it has started itself, each by its id. If this module took the status of one of these, Deno and
 * `Child` would wait forever. Therefore each is registered from its start until its status is known, and only others are reaped.
 */

/** The pause between two searches, in ms, since many processes may end at the same time. */
const PAUSE_MS = 200;

/** waitpid(2): return at once if the process is still running. */
const WNOHANG = 1;

/** A program that Deno has started and waits for. */
export interface OwnChild {
  readonly pid: number;
  readonly status: Promise<unknown>;
}

/** Holds programs, not their ids: the system may reuse an id as soon as Deno has waited for it. */
const own = new Set<OwnChild>();

/** Excludes a program from reaping; call it right after the start. */
export function leaveToDeno(child: OwnChild): void {
  own.add(child);
  const forget = () => own.delete(child);
  child.status.then(forget, forget);
}

/**
 * Reaps orphans until it is disposed. For process 1, or a process that has made itself the parent of orphans (prctl(2),
 * PR_SET_CHILD_SUBREAPER).
 */
export function reapOrphans(): Disposable {
  const libc = openLibc();
  if (libc === undefined) return { [Symbol.dispose]: () => {} };
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = () => {
    timer = undefined;
    for (const pid of zombies()) {
      if (![...own].some((child) => child.pid === pid)) libc.symbols.waitpid(pid, null, WNOHANG);
    }
  };
  const onChild = () => {
    if (timer !== undefined) return;
    timer = setTimeout(look, PAUSE_MS);
    Deno.unrefTimer(timer);
  };
  Deno.addSignalListener("SIGCHLD", onChild);
  return {
    [Symbol.dispose]() {
      Deno.removeSignalListener("SIGCHLD", onChild);
      clearTimeout(timer);
      libc.close();
    },
  };
}

/** Opens the C library; undefined without glibc. */
function openLibc() {
  try {
    return Deno.dlopen("libc.so.6", { waitpid: { parameters: ["i32", "pointer", "i32"], result: "i32" } });
  } catch {
    return undefined;
  }
}

/** The ids of this process's zombie children: proc_pid_stat(5). */
function zombies(): number[] {
  const found: number[] = [];
  try {
    for (const { name } of Deno.readDirSync("/proc")) {
      if (/^\d+$/.test(name) && isZombieOfOurs(name)) found.push(Number(name));
    }
  } catch {
    // Without /proc, no zombie can be found.
  }
  return found;
}

function isZombieOfOurs(pid: string): boolean {
  try {
    // State and parent follow the program's name, which is in parentheses and may contain any text.
    const [state, parent] = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ").at(-1)!.split(" ");
    return state === "Z" && Number(parent) === Deno.pid;
  } catch {
    // The process has been reaped in the meantime.
    return false;
  }
}
