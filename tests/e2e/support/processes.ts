/** Finds the processes that a test has started, and their descendants, by a mark in their environment. */

import { until } from "./limits.ts";

/** The environment variable with the mark of a test. */
export const MARK = "AIMODELLIB_TEST_MARK";

/** A running process. */
export interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  /** The command line, joined with spaces; empty for a process that is ending. */
  readonly command: string;
}

/** The processes with a mark, except zombies. */
export function processesWith(mark: string): Process[] {
  const found: Process[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    const process = /^\d+$/.test(name) ? read(Number(name), mark) : undefined;
    if (process !== undefined) found.push(process);
  }
  return found;
}

/** A process with a mark; undefined if it has ended, is a zombie, has another mark or belongs to another user. */
function read(pid: number, mark: string): Process | undefined {
  try {
    if (!Deno.readTextFileSync(`/proc/${pid}/environ`).split("\0").includes(`${MARK}=${mark}`)) return undefined;
    // The program's name, in brackets, may hold anything; state, parent and group follow it (proc(5)).
    const [state, parent, group] = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ").at(-1)!.split(" ");
    const command = Deno.readTextFileSync(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim();
    return state === "Z" || state === "X" ? undefined : { pid, parent: Number(parent), group: Number(group), command };
  } catch {
    return undefined;
  }
}

/** Waits until no process has a mark any more. */
export async function untilNone(mark: string, ms: number): Promise<void> {
  const end = performance.now() + ms;
  const list = () => processesWith(mark).map(({ pid, command }) => `  ${pid} ${command}`).join("\n");
  // A look at all processes takes milliseconds, so the next one follows when all of those that were found have ended.
  for (let found = processesWith(mark); found.length > 0; found = processesWith(mark)) {
    const haveEnded = () => found.every(({ pid }) => read(pid, mark) === undefined);
    await until("no process is left", haveEnded, end - performance.now(), list);
  }
}

/** Whether a process runs; a zombie does not. */
export function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch {
    return false;
  }
}

/** Sends a signal; does nothing if the process has ended. */
export function signal(pid: number, name: Deno.Signal): void {
  try {
    Deno.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
