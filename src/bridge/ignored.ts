/** Signals that this process was started to ignore, such as SIGHUP under `nohup`. It and its children go on ignoring them. */

import type { StopSignal } from "./exit.ts";

/** The signals' numbers (signal(7)). */
const NUMBERS: Readonly<Record<StopSignal, number>> = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };

let known: ReadonlySet<StopSignal> | undefined;

/**
 * Returns the stop signals that this process was started to ignore.
 *
 * Call it before the first `Deno.addSignalListener()`: from then on, Deno handles all of them, whether or not they were ignored.
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
