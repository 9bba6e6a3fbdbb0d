/**
 * Waits for orphans: processes whose parents have ended become children of process 1, and stay as zombies until it waits for them.
 * In a container without an init, that is this program: keepers of workers end so, and what scripts leave behind.
 *
 * Deno waits for the programs that it has started itself, each by its id. If we took the status of one of these, Deno would wait for ever,
 * and so would `Child`. So each is registered from its start until its status is known, and only others are waited for, each by its id.
 */

/** Between two looks, in ms: many may end at the same time. */
const PAUSE_MS = 200;

/** waitpid(2): don't wait for one that is still there. */
const WNOHANG = 1;

/** A program that Deno has started, and waits for. */
export interface OwnChild {
  readonly pid: number;
  readonly status: Promise<unknown>;
}

/** Programs rather than their ids: an id may be used again as soon as Deno has waited for the one before. */
const own = new Set<OwnChild>();

/** Leaves a program to Deno. To be called at once when it was started. */
export function leaveToDeno(child: OwnChild): void {
  own.add(child);
  const forget = () => own.delete(child);
  child.status.then(forget, forget);
}

/**
 * Waits for orphans that end, until it is disposed. To be called as process 1, or as one that has made itself the parent of orphans (prctl(2),
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

/** The C library; undefined where there is no glibc. */
function openLibc() {
  try {
    return Deno.dlopen("libc.so.6", { waitpid: { parameters: ["i32", "pointer", "i32"], result: "i32" } });
  } catch {
    return undefined;
  }
}

/** Children of this process that have ended and were not waited for: proc_pid_stat(5). */
function zombies(): number[] {
  const found: number[] = [];
  try {
    for (const { name } of Deno.readDirSync("/proc")) {
      if (/^\d+$/.test(name) && isZombieOfOurs(name)) found.push(Number(name));
    }
  } catch {
    // There is no /proc here: nothing can be found.
  }
  return found;
}

function isZombieOfOurs(pid: string): boolean {
  try {
    // The program's name, in brackets, may hold anything; state and parent follow it.
    const [state, parent] = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ").at(-1)!.split(" ");
    return state === "Z" && Number(parent) === Deno.pid;
  } catch {
    // It has gone meanwhile.
    return false;
  }
}
