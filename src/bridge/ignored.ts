/** Signals that this process ignores since its start, such as SIGHUP under `nohup`: it and its children keep ignoring them. */

import type { StopSignal } from "./exit.ts";

/** Signals by number (signal(7)). */
const NUMBERS: Readonly<Record<StopSignal, number>> = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };

let known: ReadonlySet<StopSignal> | undefined;

/**
 * Which of the signals that stop programs this process was started to ignore.
 *
 * To be called before the first `Deno.addSignalListener()`, with which Deno handles all of these, whether they were ignored or not.
 */
export function ignoredSignals(): ReadonlySet<StopSignal> {
  return known ??= read();
}

function read(): ReadonlySet<StopSignal> {
  try {
    // proc_pid_status(5): bit n - 1 stands for signal n.
    const mask = BigInt(`0x${/^SigIgn:\s*(\w+)$/m.exec(Deno.readTextFileSync("/proc/self/status"))![1]}`);
    const names = Object.keys(NUMBERS) as StopSignal[];
    return new Set(names.filter((name) => mask >> BigInt(NUMBERS[name] - 1) & 1n));
  } catch {
    // The system has no /proc.
    return new Set();
  }
}
