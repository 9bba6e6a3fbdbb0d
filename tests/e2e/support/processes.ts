/** Processes of this machine, found by a mark in their environment: whatever a test has started, however far down. */

import { until } from "./limits.ts";

/** The variable that all programs of a test carry. */
export const MARK = "AIMODELLIB_TEST_MARK";

/** A living process. */
export interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  /** Its words, with spaces between; empty for one that is about to end. */
  readonly command: string;
}

/** Those that carry a mark, but for zombies. */
export function processesWith(mark: string): Process[] {
  const wanted = `${MARK}=${mark}`;
  const found: Process[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      if (!Deno.readTextFileSync(`/proc/${name}/environ`).split("\0").includes(wanted)) continue;
      // The program's name, in brackets, may hold anything; state, parent and group follow it (proc(5)).
      const [state, parent, group] = Deno.readTextFileSync(`/proc/${name}/stat`).split(") ").at(-1)!.split(" ");
      const command = Deno.readTextFileSync(`/proc/${name}/cmdline`).replaceAll("\0", " ").trim();
      if (state !== "Z" && state !== "X") {
        found.push({ pid: Number(name), parent: Number(parent), group: Number(group), command });
      }
    } catch {
      // It ended meanwhile, or belongs to another user.
    }
  }
  return found;
}

/** Waits until no process carries a mark any more. */
export async function untilNone(mark: string, ms: number): Promise<void> {
  const list = () => processesWith(mark).map(({ pid, command }) => `  ${pid} ${command}`).join("\n");
  await until("no process is left", () => processesWith(mark).length === 0, ms, list);
}

/** Whether a process is there, and no zombie. */
export function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch {
    return false;
  }
}

/** Sends a signal; a process that is gone is no error. */
export function signal(pid: number, name: Deno.Signal): void {
  try {
    Deno.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
