/** Starts servers, measures their process trees, and ends them. */

/** How to start a server. */
export interface Start {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Environment variables in addition to those of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A running server. Disposing it ends it and all its descendants. */
export class Server implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  #ended = false;
  /** When it was started, by `performance.now()`. */
  readonly started = performance.now();

  constructor(start: Start) {
    this.#child = new Deno.Command(start.command, {
      args: [...start.args],
      cwd: start.cwd,
      env: { ...start.env },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    this.#child.status.then(() => this.#ended = true);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Whether it ended by itself. */
  get ended(): boolean {
    return this.#ended;
  }

  kill(signal: Deno.Signal): void {
    if (!this.#ended) this.#child.kill(signal);
  }

  /** Resolves when the server has ended. */
  get status(): Promise<Deno.CommandStatus> {
    return this.#child.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const family = tree(this.pid);
    this.kill("SIGTERM");
    const timer = setTimeout(() => this.kill("SIGKILL"), 10_000);
    await this.#child.status;
    clearTimeout(timer);
    for (const pid of family) tryKill(pid); // a server that left processes behind
  }
}

function tryKill(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch {
    // the process has already ended
  }
}

/** Returns the ids of a process and all its descendants. */
export function tree(root: number): number[] {
  const children = families();
  const found: number[] = [];
  for (const todo = [root]; todo.length > 0;) {
    const pid = todo.pop()!;
    found.push(pid);
    todo.push(...children.get(pid) ?? []);
  }
  return found;
}

/** Returns the ids of a process's children. */
export function children(pid: number): number[] {
  return families().get(pid) ?? [];
}

/** Returns the children of each process, from `/proc` of Linux: proc_pid_stat(5). */
function families(): Map<number, number[]> {
  const children = new Map<number, number[]>();
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    // The name of the program may contain any characters. It ends at the last parenthesis.
    const parent = Number(/.*\) \S (\d+)/s.exec(read(`/proc/${name}/stat`))?.[1]);
    children.set(parent, [...children.get(parent) ?? [], Number(name)]);
  }
  return children;
}

/** The proportional set size of a tree of processes, in MiB: memory that several of them share counts once. */
export function memory(root: number): number {
  const sizes = tree(root).map((pid) => Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0));
  return sizes.reduce((sum, kib) => sum + kib, 0) / 1024;
}

/** The resident memory of one process, in MiB. */
export function residentMemory(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) / 1024;
}

/** The CPU time that the running threads of processes have used, in µs. */
export function processorTime(pids: readonly number[]): number {
  let nanoseconds = 0;
  for (const pid of pids) {
    for (const thread of names(`/proc/${pid}/task`)) {
      nanoseconds += Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(" ")[0]);
    }
  }
  return nanoseconds / 1e3;
}

/** How many file descriptors a process has open. @param all whether to include its descendants */
export function descriptors(root: number, all = true): number {
  return (all ? tree(root) : [root]).reduce((sum, pid) => sum + count(`/proc/${pid}/fd`), 0);
}

/** How many entries a folder has; 0 if it does not exist. */
function count(folder: string): number {
  return names(folder).length;
}

/** The names of a folder's entries; an empty array if it does not exist. */
function names(folder: string): string[] {
  try {
    return Array.from(Deno.readDirSync(folder), ({ name }) => name);
  } catch {
    return [];
  }
}

/** Reads a file of `/proc`; an empty string if its process has ended. */
function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

/** Returns a port that was free on loopback just now. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
