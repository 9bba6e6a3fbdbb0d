/** Runs pip, or what `PIP_CMD` names in its place. */

import { describeExit } from "../bridge/mod.ts";
import { AimodellibError, reasonOf } from "../errors.ts";

/** The installer failed. */
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
  /** Takes what it says, on either stream, as it says it; without it, that is part of the error. */
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
  const { cwd, signal, env = {}, supervisor } = options;
  let said = "";
  const output = options.output ?? ((text) => void (said += text));
  const [program, ...words] = supervisor;
  signal.throwIfAborted();
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args: [...words, ...command],
      cwd,
      env,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      // A group of its own: Ctrl+C is handled here, and all of the group ends with it.
      detached: true,
    }).spawn();
  } catch (cause) {
    throw new InstallerError(`The installer '${command[0]}' can't be started: ${reasonOf(cause)}`, { cause });
  }
  const end = () => void child.stdin.close().catch(() => {});
  signal.addEventListener("abort", end, { once: true });
  const [exit] = await Promise.all([child.status, forward(child.stdout, output), forward(child.stderr, output)])
    .finally(() => {
      signal.removeEventListener("abort", end);
      end();
    });
  signal.throwIfAborted();
  if (!exit.success) {
    const words = options.output === undefined ? `:\n${said.trimEnd()}` : ": see above";
    throw new InstallerError(`'${command.join(" ")}' ended with ${describeExit(exit)}${words}`);
  }
}

async function forward(stream: ReadableStream<Uint8Array<ArrayBuffer>>, output: (text: string) => void): Promise<void> {
  for await (const text of stream.pipeThrough(new TextDecoderStream())) output(text);
}
