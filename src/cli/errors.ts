/** An error to a message and an exit code: the one place. */

import { hideCredentials } from "../credentials.ts";
import { AimodellibError, UsageError } from "../errors.ts";
import { printable } from "../printable.ts";

/** Exit codes of the program; `train` also ends with the script's own. */
export const ExitCode = {
  Success: 0,
  /** What was asked for was tried, and failed. */
  Failure: 1,
  /** The command line can't be followed as it is written. */
  Usage: 2,
} as const;

/** What the user is shown of an error, and how the program ends. */
export function explain(error: unknown): { readonly message: string; readonly code: number } {
  const { message, code } = describe(error);
  return { message: hideCredentials(message), code };
}

function describe(error: unknown): { readonly message: string; readonly code: number } {
  if (error instanceof UsageError) return { message: `Error: ${error.message}`, code: ExitCode.Usage };
  if (error instanceof AimodellibError) return { message: `Error: ${error.message}`, code: ExitCode.Failure };
  if (error instanceof Error) {
    // A bug of ours: the stack is what a report needs.
    const message = isOfSystem(error) ? printable(error.message) : error.stack ?? error.message;
    return { message: `Error: ${message}`, code: ExitCode.Failure };
  }
  return { message: `Error: ${error}`, code: ExitCode.Failure };
}

/** Whether a system call failed. Deno has classes for some reasons only; a read-only file system, for example, has just a code. */
function isOfSystem(error: Error): boolean {
  return Object.values(Deno.errors).some((kind) => error instanceof kind) ||
    ("code" in error && /^E[A-Z0-9]+$/.test(String(error.code)));
}
