/** Turns an error into a message and an exit code. */

import { hideCredentials } from "../credentials.ts";
import { AimodellibError, StoppedError, UsageError } from "../errors.ts";
import { printable } from "../printable.ts";

/** Exit codes of the program; `train` also ends with the script's own. */
export const ExitCode = {
  Success: 0,
  /** The command was carried out, and failed. */
  Failure: 1,
  /** Usage error: the command line can't be carried out as written. */
  Usage: 2,
} as const;

/** The message that the user sees for an error, and the exit code. */
export function explain(error: unknown): { readonly message: string; readonly code: number } {
  const { message, code } = describe(error);
  return { message: hideCredentials(message), code };
}

function describe(error: unknown): { readonly message: string; readonly code: number } {
  if (error instanceof UsageError) return { message: `Error: ${error.message}`, code: ExitCode.Usage };
  if (error instanceof StoppedError) return { message: `Error: ${error.message}`, code: error.code };
  if (error instanceof AimodellibError) return { message: `Error: ${error.message}`, code: ExitCode.Failure };
  if (error instanceof Error) {
    // Anything else is a bug of this program, and a bug report needs the stack.
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
