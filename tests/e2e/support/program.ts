/** A program that a test has started: its output while it runs, and its exit. */

import { LONG, within } from "./limits.ts";
import { signal } from "./processes.ts";

/** The output of a program on one stream. */
export class Output {
  readonly #chunks: Uint8Array<ArrayBuffer>[] = [];
  readonly #ended: Promise<void>;
  #waiting: { readonly pattern: RegExp; readonly found: (match: RegExpExecArray) => void }[] = [];
  /** The last line, which is incomplete. */
  #rest = "";

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#ended = this.#read(stream);
  }

  /** All bytes up to now. */
  get bytes(): Uint8Array<ArrayBuffer> {
    const whole = new Uint8Array(this.#chunks.reduce((length, chunk) => length + chunk.length, 0));
    let offset = 0;
    for (const chunk of this.#chunks) {
      whole.set(chunk, offset);
      offset += chunk.length;
    }
    return whole;
  }

  /** All output up to now, as text. */
  get text(): string {
    return new TextDecoder().decode(this.bytes);
  }

  /** Complete lines, without their ends. */
  get lines(): string[] {
    return this.text.split("\n").slice(0, -1);
  }

  /** Resolves at the end of the stream. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** Waits for a line, complete or not, that matches; a line that was printed before counts. */
  async waitFor(pattern: RegExp, ms: number = LONG): Promise<RegExpExecArray> {
    for (const line of this.text.split("\n")) {
      const match = pattern.exec(line);
      if (match !== null) return match;
    }
    const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
    this.#waiting.push({ pattern, found: resolve });
    // The last output may have the line.
    this.#ended.then(() => setTimeout(() => reject(new Error(`${pattern} never came, but\n${this.text}`))));
    return await within(ms, `${pattern} is printed`, promise, () => this.text);
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      this.#chunks.push(chunk);
      if (this.#waiting.length === 0) {
        const text = decoder.decode(chunk, { stream: true });
        const end = text.lastIndexOf("\n");
        this.#rest = end < 0 ? this.#rest + text : text.slice(end + 1);
        continue;
      }
      const lines = (this.#rest + decoder.decode(chunk, { stream: true })).split("\n");
      this.#rest = lines.at(-1)!;
      for (const line of lines) this.#show(line);
    }
  }

  #show(line: string): void {
    this.#waiting = this.#waiting.filter(({ pattern, found }) => {
      const match = pattern.exec(line);
      if (match !== null) found(match);
      return match === null;
    });
  }
}

/** How to start a program. */
export interface ProgramOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Its whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Its standard input; empty by default. */
  readonly stdin?: string;
}

/** The exit of a program, and its output. */
export interface Finished {
  /** 128 + n if it was ended by signal n. */
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that runs, or has run. */
export class Program implements AsyncDisposable {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly #child: Deno.ChildProcess;
  readonly #status: Promise<Deno.CommandStatus>;
  #isOver = false;

  constructor({ command, args, cwd, env, stdin }: ProgramOptions) {
    this.#child = new Deno.Command(command, {
      args: [...args],
      cwd,
      env: { ...env },
      clearEnv: true,
      stdin: stdin === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.stdout = new Output(this.#child.stdout);
    this.stderr = new Output(this.#child.stderr);
    this.#status = this.#child.status.finally(() => this.#isOver = true);
    if (stdin !== undefined) {
      const writer = this.#child.stdin.getWriter();
      writer.write(new TextEncoder().encode(stdin)).then(() => writer.close()).catch(() => {});
    }
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Whether the program has ended; its children may still run. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Sends a signal. */
  kill(name: Deno.Signal): void {
    signal(this.pid, name);
  }

  /** Waits until the program has ended; its children may still write output. */
  async exited(ms: number = LONG): Promise<Deno.CommandStatus> {
    return await within(ms, "the program ends", this.#status, () => this.#printed());
  }

  /** Waits until the program has ended and its output is complete. */
  async finished(ms: number = LONG): Promise<Finished> {
    const all = Promise.all([this.#status, this.stdout.ended, this.stderr.ended]);
    const [{ code, signal }] = await within(ms, "the program ends", all, () => this.#printed());
    return { code, signal, stdout: this.stdout.text, stderr: this.stderr.text };
  }

  /** Kills the program if it still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOver) this.kill("SIGKILL");
    await this.#status;
  }

  #printed(): string {
    return `${this.stdout.text.slice(-4000)}\n${this.stderr.text.slice(-4000)}`;
  }
}
