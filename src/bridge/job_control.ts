/**
 * Handles Ctrl+Z and `fg`. A terminal stops and continues only our own process group, and each program that we start has another group.
 * On SIGTSTP we therefore stop those programs with all their descendants, and then ourselves; on SIGCONT we continue them.
 */

import { marked } from "./marked.ts";

/** A program that has a process group of its own. */
interface Job {
  /** The id of the process, and of its group. */
  readonly pid: number;
  /** The mark of all processes that it has started. */
  readonly mark: string;
}

/** How long a process that handles SIGTSTP may take to stop, in ms. After that, SIGSTOP stops it. */
const HANDLER_LIMIT_MS = 1_000;

/** How long to wait between two checks whether a process has stopped, in ms. */
const PAUSE_MS = 10;

/** How many times to look for processes that were started in the meantime. */
const ROUNDS = 3;

/** The name that a keeper gives itself (`_bridge/keeper.py`). It must keep running: if we are killed while the job is stopped, the keeper ends the job. */
const KEEPER = "aimodellib-keep";

const jobs = new Set<Job>();
let following = false;
let listening = false;

/** Makes jobs stop and continue with this process; the first job adds the signal listeners. Tests do not call it. */
export function followTerminal(): void {
  following = true;
}

/** Makes a job stop and continue with this process until `ended` resolves. */
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
  // In an orphaned group, nobody could continue us. There the kernel ignores SIGTSTP for programs without a handler; we do the same.
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

/** Whether a process is stopped, or has ended. */
function isStopped(pid: number): boolean {
  const state = fieldsOf(pid)[0];
  return state === undefined || "TtZX".includes(state);
}

/** Whether our process group is orphaned: no ancestor outside of it, such as a shell with job control, is in our session to continue it. */
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

/** Returns the state, parent, group and session of a process; an empty array if it has ended. */
function fieldsOf(pid: number): string[] {
  // The program's name, in parentheses, may contain any characters: proc_pid_stat(5).
  const text = read(`/proc/${pid}/stat`);
  return text === "" ? [] : text.split(") ").at(-1)!.split(" ");
}

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    // The process has ended, or belongs to another user.
    return "";
  }
}

function send(target: number, signal: Deno.Signal): void {
  try {
    Deno.kill(target, signal);
  } catch {
    // The process has ended, or belongs to another user.
  }
}
