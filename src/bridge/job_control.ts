/**
 * Ctrl+Z and `fg`. A terminal stops and continues the processes of our group. What we start has a group of its own, so we stop and continue
 * it ourselves, with all that it has started, and then stop ourselves.
 */

import { marked } from "./marked.ts";

/** A program that has a process group of its own. */
interface Job {
  /** The number of the process, and of the group. */
  readonly pid: number;
  /** The mark of all processes that it has started. */
  readonly mark: string;
}

/** For a process that handles SIGTSTP itself to stop, in ms: then it is stopped by force. */
const HANDLER_LIMIT_MS = 1_000;

/** Between two looks whether it has stopped, in ms. */
const PAUSE_MS = 10;

/** How often processes are looked for that were started meanwhile. */
const ROUNDS = 3;

/** The name that a keeper gives itself (`_bridge/keeper.py`). It must be there when we are killed while all is stopped. */
const KEEPER = "aimodellib-keep";

const jobs = new Set<Job>();
let following = false;
let listening = false;

/** Have jobs stop and continue with this process, from when the first one is there. For a program; a test stays as it is. */
export function followTerminal(): void {
  following = true;
}

/** Have a job stop and continue with this process, as long as `ended` is pending. */
export function addJob(job: Job, ended: Promise<unknown>): void {
  jobs.add(job);
  void ended.then(() => jobs.delete(job));
  if (!following || listening) return;
  listening = true;
  Deno.addSignalListener("SIGTSTP", () => void stop());
  Deno.addSignalListener("SIGCONT", resume);
}

let stopping = false;

async function stop(): Promise<void> {
  // Nobody could continue us: the kernel ignores SIGTSTP then, for programs that do not handle it.
  if (stopping || isOrphaned()) return;
  stopping = true;
  try {
    await Promise.all([...jobs].map(stopJob));
    Deno.kill(Deno.pid, "SIGSTOP");
  } finally {
    stopping = false;
  }
}

function resume(): void {
  for (const job of jobs) {
    send(-job.pid, "SIGCONT");
    for (const pid of marked(job.mark)) send(pid, "SIGCONT");
  }
}

async function stopJob({ pid, mark }: Job): Promise<void> {
  const handling = processesOf(mark).filter(handlesStop);
  for (const each of handling) send(each, "SIGTSTP");
  for (const end = performance.now() + HANDLER_LIMIT_MS; !handling.every(isStopped) && performance.now() < end;) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  send(-pid, "SIGSTOP");
  for (let round = 0; round < ROUNDS; round++) {
    const rest = processesOf(mark).filter((each) => !isStopped(each));
    if (rest.length === 0) return;
    for (const each of rest) send(each, "SIGSTOP");
  }
}

function processesOf(mark: string): number[] {
  return [...marked(mark)].filter((pid) => read(`/proc/${pid}/comm`).trimEnd() !== KEEPER);
}

/** Whether a process has a handler for SIGTSTP, which is signal 20: proc_pid_status(5). */
function handlesStop(pid: number): boolean {
  const mask = /^SigCgt:\s*(\w+)$/m.exec(read(`/proc/${pid}/status`))?.[1];
  return mask !== undefined && (BigInt(`0x${mask}`) >> 19n & 1n) === 1n;
}

/** Whether a process is stopped, or gone. */
function isStopped(pid: number): boolean {
  const state = fieldsOf(pid)[0];
  return state === undefined || "TtZX".includes(state);
}

/** Whether no process of our session is there to continue our group: a shell with job control, outside of it. */
function isOrphaned(): boolean {
  const [, , group, session] = fieldsOf(Deno.pid);
  for (let pid = Deno.pid; pid > 0;) {
    const parent = Number(fieldsOf(pid)[1] ?? 0);
    const [, , itsGroup, itsSession] = fieldsOf(parent);
    if (itsSession !== session) return true;
    if (itsGroup !== group) return false;
    pid = parent;
  }
  return true;
}

/** State, parent, group and session of a process; none if it is gone. */
function fieldsOf(pid: number): string[] {
  // The program's name, in brackets, may hold anything: proc_pid_stat(5).
  const text = read(`/proc/${pid}/stat`);
  return text === "" ? [] : text.split(") ").at(-1)!.split(" ");
}

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    // The process has gone, or is another user's.
    return "";
  }
}

function send(target: number, signal: Deno.Signal): void {
  try {
    Deno.kill(target, signal);
  } catch {
    // It has gone, or is another user's.
  }
}
