/** Runs a program without the bridge until it ends: an installer, or a Python that answers a question. */

import { Child, type ChildOptions, type OutputSink } from "./child.ts";
import type { Exit } from "./exit.ts";
import { withLimit } from "../with_limit.ts";
import { messageOf } from "../errors.ts";

/** How long a program may take to end after SIGTERM, in ms; then it is killed. */
const TERM_LIMIT_MS = 2_000;

/** How long a Python may take to answer a question, in ms. A cold interpreter on a slow network disk takes seconds. */
export const ANSWER_LIMIT_MS = 60_000;

/** How {@linkcode runChild} runs a program. */
export interface RunChildOptions {
  readonly args: readonly string[];
  readonly cwd?: string | undefined;
  /** Set in addition to the environment of this process. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Its standard input: bytes, or a pipe that we keep open, and close to make the program end. @default nothing */
  readonly stdin?: Uint8Array | "held" | undefined;
  /** `own` gives it a process group of its own; in `ours`, a terminal's signals reach it as well as us. @default "ours" */
  readonly group?: "own" | "ours" | undefined;
  /** Receives its output as it arrives; without this function, the output is collected. */
  readonly output?: ((text: string, stream: "stdout" | "stderr") => void) | undefined;
  /** Aborting it ends the program and everything it has started. */
  readonly signal?: AbortSignal | undefined;
  /** How long it may run, in ms. @default no limit */
  readonly limitMs?: number | undefined;
}

/** How a program ended, and what it printed. */
export interface Finished {
  readonly exit: Exit;
  /** Whether its exit code was 0. */
  readonly success: boolean;
  /** Its standard output; empty if `output` received it. */
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program to its end.
 *
 * @throws {Error} if it can't be started, or takes too long; the message continues a sentence that begins with the program's name
 * @throws the signal's reason when that is aborted
 */
export async function runChild(program: string, options: RunChildOptions): Promise<Finished> {
  const { args, cwd, env, stdin, output, signal, limitMs, group = "ours" } = options;
  signal?.throwIfAborted();
  const gathered = { stdout: "", stderr: "" };
  const sink = (stream: "stdout" | "stderr"): OutputSink => {
    const decoder = new TextDecoder();
    return (bytes) => {
      const text = decoder.decode(bytes, { stream: true });
      if (output === undefined) gathered[stream] += text;
      else output(text, stream);
    };
  };
  using child = start(program, {
    args,
    cwd,
    env,
    stdin: stdin === undefined ? "null" : "piped",
    output: { stdout: sink("stdout"), stderr: sink("stderr") },
    group,
  });
  const stopped = Promise.withResolvers<void>();
  const onAbort = () => stopped.resolve();
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    if (stdin instanceof Uint8Array) void feed(child.stdin, stdin);
    const over = Promise.race([child.ended, stopped.promise]);
    const inTime = limitMs === undefined ? await over.then(() => true) : await withLimit(over, limitMs);
    if (child.exit === undefined) await end(child, stdin === "held");
    await child.endOutput();
    signal?.throwIfAborted();
    const exit = await child.ended;
    if (!inTime) throw new Error(`did not end within ${limitMs! / 1000} s`);
    if (exit === undefined) throw new Error("is still there after SIGKILL");
    return { exit, success: exit.code === 0, ...gathered };
  } finally {
    signal?.removeEventListener("abort", onAbort);
    if (stdin === "held") child.stdin.close().catch(() => {});
  }
}

function start(program: string, options: ChildOptions): Child {
  try {
    return new Child(program, options);
  } catch (cause) {
    throw new Error(`can't be started: ${messageOf(cause)}`, { cause });
  }
}

async function end(child: Child, held: boolean): Promise<void> {
  if (held) child.stdin.close().catch(() => {});
  else child.kill("SIGTERM");
  await withLimit(child.ended, TERM_LIMIT_MS);
  child.killAll();
  await child.ended;
}

async function feed(stdin: WritableStream<Uint8Array>, bytes: Uint8Array): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(bytes);
    await writer.close();
  } catch {
    // It ended before it read all of its input; its exit code says why.
  }
}
