/** Runs pip, or the command in `PIP_CMD`. */

import { describeExit, type Finished, runChild } from "../bridge/mod.ts";
import { credentialHider } from "../credentials.ts";
import { AimodellibError, reasonOf } from "../errors.ts";
import { printable } from "../printable.ts";

/** The installer can't be started, or has failed; the message contains its command. */
export class InstallerError extends AimodellibError {
  override readonly name = "InstallerError";
}

/** The start of a command line: the words of `PIP_CMD`, or the Python's pip. */
export function pipCommand(python: string, env: (name: string) => string | undefined): [string, ...string[]] {
  const [program, ...words] = (env("PIP_CMD") ?? "").split(/\s+/).filter(Boolean);
  return program === undefined ? [python, "-m", "pip"] : [program, ...words];
}

/** Turns off variables and settings of pip that would install elsewhere than into the environment that this program has made. */
const INTO_ENVIRONMENT: Readonly<Record<string, string>> = {
  PIP_USER: "0",
  PIP_TARGET: "",
  PIP_PREFIX: "",
  PIP_ROOT: "",
};

/** How an installer is run. */
export interface InstallerOptions {
  readonly cwd: string;
  readonly signal: AbortSignal;
  /** Gets the installer's output, without credentials in URLs. Without this function, the output becomes a part of the error. */
  readonly output?: ((text: string) => void) | undefined;
  readonly env?: Readonly<Record<string, string>>;
  /**
   * The command that runs another one as long as its standard input is open (`_bridge/supervise.py`). This ends an installer together
   * with this process, even after SIGKILL.
   */
  readonly supervisor: readonly [string, ...string[]];
}

/**
 * Runs an installer to its end.
 *
 * @param command the program and its arguments
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
      env: { ...INTO_ENVIRONMENT, ...options.env },
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
