/** Describes how a process ended. */

/** How a process ended, as `Deno.ChildProcess.status` reports it. */
export interface Exit {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  /** Whether the kernel seems to have killed it because memory ran out. */
  readonly outOfMemory?: boolean;
}

/** The signals that end a run. */
export type StopSignal = "SIGHUP" | "SIGINT" | "SIGTERM";

/** Signals by number (signal(7), Linux on x86-64 and arm64). */
export const SIGNAL_NUMBERS: Partial<Record<Deno.Signal, number>> & Readonly<Record<StopSignal, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGXCPU: 24,
  SIGXFSZ: 25,
  SIGSYS: 31,
};

/** The exit code that shells give a program that a signal has ended: 128 + its number. */
export function exitCodeOf(signal: Deno.Signal): number {
  return 128 + (SIGNAL_NUMBERS[signal] ?? 0);
}

/** The exit code of the bridge on a Python that is too old (see `python/aimodellib/_bridge/__main__.py`). */
export const TOO_OLD = 86;

const HINTS: Partial<Record<Deno.Signal, string>> = {
  SIGKILL: "by the system when memory runs out, or by somebody",
  SIGSEGV: "a crash in native code",
  SIGBUS: "a crash in native code",
  SIGILL: "an instruction that this processor does not know",
  SIGABRT: "native code gave up",
  SIGFPE: "an arithmetic error in native code",
};

/** Describes how a process ended, as part of a sentence: `exit code 3`, `signal SIGKILL (likely out of memory)`. */
export function describeExit({ code, signal, outOfMemory = false }: Exit): string {
  if (signal === null) return `exit code ${code}`;
  const hint = outOfMemory && signal === "SIGKILL" ? "likely out of memory" : HINTS[signal];
  return hint === undefined ? `signal ${signal}` : `signal ${signal} (${hint})`;
}
