/**
 * A program that we have started.
 *
 * 1. No signal is sent once the program was waited for: another process may have its id, or its group's id, by then.
 * 2. Every wait for it is limited: {@linkcode KILL_LIMIT_MS} after SIGKILL, and {@linkcode OUTPUT_REST_MS} for its output to
 *    end, since a process that has left the group may keep it open indefinitely.
 * 3. Processes that it started and that outlive it are found by a mark in their environment (`marked.ts`).
 */

import { leaveToDeno } from "../orphans.ts";
import type { Exit } from "./exit.ts";
import { OomEvidence } from "./oom_evidence.ts";
import { addJob } from "./job_control.ts";
import { killMarked, MARK } from "./marked.ts";
import type { Terminal } from "./terminal.ts";
import { withLimit } from "../with_limit.ts";

/** How long we read the output of a process and its children after it has ended, in ms. */
const OUTPUT_REST_MS = 1_000;

/**
 * How long we wait for a process to end after SIGKILL, in ms. It may never end: a driver or a network disk can hang in the kernel, or it
 * runs as another user by now, and the signal is not permitted.
 */
const KILL_LIMIT_MS = 5_000;

/** Receives what a program prints, in chunks of any size that need not end at a line break. */
export interface OutputSink {
  (bytes: Uint8Array<ArrayBuffer>): void | Promise<void>;
  /** Called by the owner of a process when its output has ended. */
  flush?(): void;
}

/** Where each output stream of a program goes. */
export interface OutputSinks {
  readonly stdout: OutputSink;
  readonly stderr: OutputSink;
}

/** How a program is started. */
export interface ChildOptions {
  readonly args: readonly string[];
  readonly cwd?: string | undefined;
  /** Set in addition to the environment of this process. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly stdin: "null" | "inherit" | "piped";
  /** Where its output goes. The program waits while the promise of a sink is pending. */
  readonly output: "inherit" | OutputSinks;
  /** Terminals that it opens, and the sinks for what it prints to them. They are read until {@linkcode Child.endOutput}. */
  readonly terminals?: readonly (readonly [terminal: Terminal, sink: OutputSink])[] | undefined;
  /** `own`: it leads a process group, which receives the signals. `ours`: signals go to it alone; a terminal's signals reach it and us. @default "own" */
  readonly group?: "own" | "ours";
}

/** A program that we have started. */
export class Child implements Disposable {
  readonly #child: Deno.ChildProcess;
  /** What signals go to: the process, or its group. */
  readonly #target: number;
  readonly #mark: string;
  readonly #terminals: readonly Terminal[];
  readonly #readers: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>[] = [];
  readonly #ended = Promise.withResolvers<Exit | undefined>();
  #exit: Exit | undefined;
  #killLimit: ReturnType<typeof setTimeout> | undefined;
  /** Resolves when no process has the output open and all of it was handed over, or when we have stopped reading. */
  readonly outputEnded: Promise<void>;

  /**
   * Starts it.
   *
   * @throws {Deno.errors} if it can't be started
   */
  constructor(program: string, { args, cwd, env, stdin, output, terminals = [], group = "own" }: ChildOptions) {
    this.#terminals = terminals.map(([terminal]) => terminal);
    this.#mark = crypto.randomUUID();
    const oom = new OomEvidence();
    const piped = output === "inherit" ? "inherit" : "piped";
    this.#child = new Deno.Command(program, {
      args: [...args],
      ...(cwd !== undefined && { cwd }),
      env: { ...env, [MARK]: this.#mark },
      stdin,
      stdout: piped,
      stderr: piped,
      detached: group === "own",
    }).spawn();
    leaveToDeno(this.#child);
    this.#target = group === "own" ? -this.pid : this.pid;
    void this.#child.status.then(({ code, signal }) => {
      const exit = { code, signal, outOfMemory: signal === "SIGKILL" && oom.claim() };
      this.#exit = exit;
      clearTimeout(this.#killLimit);
      this.#ended.resolve(exit);
    });
    if (group === "own") addJob({ pid: this.pid, mark: this.#mark }, this.#child.status);
    this.outputEnded = output === "inherit" ? Promise.resolve() : Promise.all([
      this.#drain(this.#child.stdout, output.stdout),
      this.#drain(this.#child.stderr, output.stderr),
      ...terminals.map(([terminal, sink]) => terminal.drain(sink)),
    ]).then(() => {});
    // A rejection that nobody awaits must not end this process.
    this.outputEnded.catch(() => {});
  }

  /** Process id, and the id of its group if that is its own. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Its standard input, if that is piped. */
  get stdin(): WritableStream<Uint8Array> {
    return this.#child.stdin;
  }

  /** How it ended; undefined while it runs. */
  get exit(): Exit | undefined {
    return this.#exit;
  }

  /** Resolves with how it ended; with undefined if it still runs {@linkcode KILL_LIMIT_MS} after SIGKILL. */
  get ended(): Promise<Exit | undefined> {
    return this.#ended.promise;
  }

  /** Sends a signal to it, and to its process group if it leads one, unless it has ended. It ignores a missing process, and one of another user. */
  kill(signal: Deno.Signal): void {
    this.#send(this.#target, signal);
  }

  /** Sends a signal to the process alone, unless it has ended. It ignores a missing process, and one of another user. */
  killAlone(signal: Deno.Signal): void {
    this.#send(this.pid, signal);
  }

  #send(target: number, signal: Deno.Signal): void {
    if (this.#exit !== undefined) return;
    if (signal === "SIGKILL") {
      this.#killLimit ??= setTimeout(() => this.#ended.resolve(undefined), KILL_LIMIT_MS);
    }
    try {
      Deno.kill(target, signal);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied)) throw error;
    }
  }

  /** Kills the process and its group, unless it has ended, and all processes that carry its mark. */
  killAll(): void {
    this.kill("SIGKILL");
    killMarked(this.#mark);
  }

  /** Reads the rest of its output for at most {@linkcode OUTPUT_REST_MS}, then stops reading. */
  async endOutput(): Promise<void> {
    await withLimit(this.outputEnded, OUTPUT_REST_MS);
    this.#stopListening();
  }

  /** Kills the program, unless it has ended, and stops reading its output. */
  [Symbol.dispose](): void {
    this.kill("SIGKILL");
    this.#stopListening();
  }

  /** Without this, a pipe that another process has open would keep us waiting for that process. */
  #stopListening(): void {
    for (const reader of this.#readers.splice(0)) reader.cancel().catch(() => {});
    for (const terminal of this.#terminals) terminal.stop();
  }

  async #drain(stream: ReadableStream<Uint8Array<ArrayBuffer>>, sink: OutputSink): Promise<void> {
    const reader = stream.getReader();
    this.#readers.push(reader);
    let failure: unknown;
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      try {
        await sink(next.value);
      } catch (error) {
        // Close the pipe: the program would block on writing the rest.
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure;
  }
}
