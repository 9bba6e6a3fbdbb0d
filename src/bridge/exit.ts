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
