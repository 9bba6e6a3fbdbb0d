/** Finds signals that this process was started to ignore, such as SIGHUP under `nohup`. The process and its children keep ignoring them. */

import { SIGNAL_NUMBERS, type StopSignal } from "./exit.ts";

const STOPS: readonly StopSignal[] = ["SIGHUP", "SIGINT", "SIGTERM"];

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
    return new Set(STOPS.filter((name) => mask >> BigInt(SIGNAL_NUMBERS[name] - 1) & 1n));
  } catch {
    // The system has no /proc.
    return new Set();
  }
}
