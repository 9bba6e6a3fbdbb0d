/** Runs programs for the build, and reports their failures. */

import { messageOf } from "../../src/errors.ts";

/** The result of a program. */
export interface Outcome {
  readonly success: boolean;
  /** Its standard output. */
  readonly stdout: string;
  /** Its whole output, standard error first. */
  readonly output: string;
}

/** How to run a program. */
export interface RunOptions {
  readonly cwd?: string;
  /** Set in addition to the variables of this process. */
  readonly env?: Record<string, string>;
}

/**
 * Runs a program, waits until it ends, and returns its output.
 *
 * @throws {Error} if the program does not exist, or can't be run
 */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  try {
    const { success, stdout, stderr } = await new Deno.Command(command, {
      args: [...args],
      stdin: "null",
      ...options,
    }).output();
    const out = decode(stdout);
    return { success, stdout: out, output: `${decode(stderr)}${out}`.trim() };
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) {
      throw new Error(`Can't run '${command}': there is no such program on PATH. Install it, and run this again.`, {
        cause,
      });
    }
    throw cause;
  }
}

/** Runs a program that this machine may lack. A program that can't be run counts as one that fails, with the reason as its output. */
export async function tried(command: string, args: readonly string[]): Promise<Pick<Outcome, "success" | "output">> {
  return await run(command, args).catch((error) => ({ success: false, output: messageOf(error) }));
}

/**
 * Runs a program that has to succeed.
 *
 * @param doing its purpose, such as "bundle the sources"
 * @returns its standard output
 * @throws {Error} with all of its output, if it fails
 */
export async function runOrThrow(
  doing: string,
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { success, stdout, output } = await run(command, args, options);
  if (!success) throw new Error(`Can't ${doing}: '${command} ${args[0] ?? ""}' failed. It said:\n${output}`);
  return stdout;
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
