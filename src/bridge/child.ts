/**
 * A program that we have started.
 *
 * 1. No signal is sent once the program was waited for: its number, and that of its group, may belong to somebody else by then.
 * 2. Every wait for it has an end: SIGKILL is given {@linkcode KILL_LIMIT_MS} to work, and output {@linkcode OUTPUT_REST_MS} to
 *    end, since a process that has left the group may hold it open for ever.
 * 3. What it has started, and left behind, is found by a mark in its environment (`marked.ts`).
 */

import { leaveToDeno } from "../orphans.ts";
import type { Exit } from "./exit.ts";
import { OomEvidence } from "./oom_evidence.ts";
import { addJob } from "./job_control.ts";
import { killMarked, MARK } from "./marked.ts";
import type { Terminal } from "./terminal.ts";
import { withLimit } from "../with_limit.ts";

/** For what a process, or its children, still print when it is to end, in ms. */
export const OUTPUT_REST_MS = 1_000;

/**
 * For a process to be gone after SIGKILL, in ms. One may stay for ever: in the kernel, when a driver or a network disk hangs; or when it
 * has become another user's, and the signal is not permitted.
 */
export const KILL_LIMIT_MS = 5_000;

/** Takes what a program prints, as it comes: any number of bytes, with no regard to lines. */
export interface OutputSink {
  (bytes: Uint8Array<ArrayBuffer>): void | Promise<void>;
  /** Called by the owner of a process when nothing more comes. */
  flush?(): void;
}

/** One for each stream. */
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
  /** Where what it prints goes. It waits while a function's promise is pending. */
  readonly output: "inherit" | OutputSinks;
  /** Terminals that it opens, and where what it prints there goes. They are read until {@linkcode Child.endOutput}. */
  readonly terminals?: readonly (readonly [terminal: Terminal, sink: OutputSink])[] | undefined;
  /** Its process group, to which signals go; in `ours`, a signal goes to the process alone, and one of a terminal to all. @default "own" */
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
  /** Resolves when no process holds the output any more and all of it was handed over, or nobody listens any more. */
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
    // Whoever waits for it is told; nobody has to.
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

  /** How it has ended; undefined if it has not. */
  get exit(): Exit | undefined {
    return this.#exit;
  }

  /** Resolves with how it ended; with undefined if it is still there {@linkcode KILL_LIMIT_MS} after SIGKILL. */
  get ended(): Promise<Exit | undefined> {
    return this.#ended.promise;
  }

  /** Sends a signal to it, and to all of its group if that is its own, unless it has ended. One that is gone, or another user's, is no error. */
  kill(signal: Deno.Signal): void {
    this.#send(this.#target, signal);
  }

  /** Sends a signal to it alone, unless it has ended. One that is gone, or another user's, is no error. */
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

  /** Kills what is left of it: itself and its group, unless it has ended, and what carries its mark. */
  killAll(): void {
    this.kill("SIGKILL");
    killMarked(this.#mark);
  }

  /** Waits for the rest of its output, no longer than {@linkcode OUTPUT_REST_MS}, and then listens no more. */
  async endOutput(): Promise<void> {
    await withLimit(this.outputEnded, OUTPUT_REST_MS);
    this.#stopListening();
  }

  /** Kills it, unless it has ended, and listens no more. */
  [Symbol.dispose](): void {
    this.kill("SIGKILL");
    this.#stopListening();
  }

  /** A pipe that somebody else holds open would stay with us as long as they do. */
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
        // The program would wait for somebody to read the rest.
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure;
  }
}
