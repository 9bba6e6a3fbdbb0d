/** Runs pip, or what `PIP_CMD` names in its place. */

import { describeExit, type Finished, runChild } from "../bridge/mod.ts";
import { credentialHider } from "../credentials.ts";
import { AimodellibError, reasonOf } from "../errors.ts";
import { printable } from "../printable.ts";

/** The installer could not be run, or it failed. The message holds its command. */
export class InstallerError extends AimodellibError {
  override readonly name = "InstallerError";
}

/** The words that begin a command line: those of `PIP_CMD`, or pip of that Python. */
export function pipCommand(python: string, env: (name: string) => string | undefined): [string, ...string[]] {
  const [program, ...words] = (env("PIP_CMD") ?? "").split(/\s+/).filter(Boolean);
  return program === undefined ? [python, "-m", "pip"] : [program, ...words];
}

/** How it is run. */
export interface InstallerOptions {
  readonly cwd: string;
  readonly signal: AbortSignal;
  /** Takes what it says, line by line and without credentials of URLs; without it, that is part of the error. */
  readonly output?: ((text: string) => void) | undefined;
  readonly env?: Readonly<Record<string, string>>;
  /**
   * The words that run a command as long as their standard input is open (`_bridge/supervise.py`): nothing of an installer is left
   * when this process ends, even by SIGKILL.
   */
  readonly supervisor: readonly [string, ...string[]];
}

/**
 * Runs it to its end.
 *
 * @param command its words
 * @throws {InstallerError} if it can't be started, or fails
 */
export async function runInstaller(command: readonly [string, ...string[]], options: InstallerOptions): Promise<void> {
  const { signal, supervisor } = options;
  let said = "";
  const show = options.output ?? ((text) => void (said += text));
  const hiders = { stdout: credentialHider(), stderr: credentialHider() };
  const [program, ...words] = supervisor;
  let finished: Finished;
  try {
    finished = await runChild(program, {
      ...options,
      args: [...words, ...command],
      output: (text, stream) => show(hiders[stream](text)),
      stdin: "held",
      group: "own",
    });
  } catch (cause) {
    signal.throwIfAborted();
    throw new InstallerError(`The installer '${printable(command[0])}' ${reasonOf(cause)}`, { cause });
  } finally {
    for (const hider of Object.values(hiders)) show(hider.rest());
  }
  const { success, exit } = finished;
  if (!success) {
    const words = options.output === undefined ? `:\n${said.trimEnd()}` : ": see above";
    throw new InstallerError(`'${printable(command.join(" "))}' ended with ${describeExit(exit)}${words}`);
  }
}
