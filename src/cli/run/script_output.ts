/**
 * Where a script prints in a run that has a log: at the terminal, or wherever our own output goes, and in the log.
 *
 * Without a log the script has our streams themselves. With one it has pipes, but where we have a terminal, it has one, too. If both
 * of our streams go to one place, so do both of its: what it prints stays in its order.
 */

import { type OutputSink, type ScriptOutput, Terminal } from "../../bridge/mod.ts";
import { reasonOf } from "../../errors.ts";
import { plainText } from "../../observability/plain_text.ts";
import type { Io } from "../terminal/io.ts";
import type { RunLog } from "./log.ts";

/** What a script is given to print to, until this is disposed. */
export class LoggedOutput implements ScriptOutput, Disposable {
  readonly stdout: OutputSink;
  readonly stderr: OutputSink | "stdout";
  readonly terminals: { readonly stdout?: Terminal | undefined; readonly stderr?: Terminal | undefined };
  readonly #sinks: OutputSink[] = [];
  readonly #resizing: Disposable | undefined;

  /** Makes terminals where we have some. */
  constructor(log: RunLog, io: Io) {
    const { stdout, stderr, isOne } = io.streams();
    const size = io.terminalSize() ?? { columns: 80, rows: 24 };
    this.terminals = {
      stdout: stdout === "terminal" ? Terminal.open(size) : undefined,
      stderr: stderr === "terminal" && !isOne ? Terminal.open(size) : undefined,
    };
    this.stdout = this.#sink("standard output", io.stdoutBytes, this.terminals.stdout, log);
    this.stderr = isOne ? "stdout" : this.#sink("standard error", io.stderrBytes, this.terminals.stderr, log);
    const terminals = Object.values(this.terminals).filter((terminal) => terminal !== undefined);
    this.#resizing = terminals.length === 0 ? undefined : io.onResize(() => {
      const size = io.terminalSize();
      if (size !== undefined) { for (const terminal of terminals) terminal.resize(size); }
    });
  }

  #sink(
    name: string,
    write: (bytes: Uint8Array) => Promise<void>,
    terminal: Terminal | undefined,
    log: RunLog,
  ): OutputSink {
    const stream = log.stream();
    const text = terminal === undefined ? undefined : plainText(stream);
    const take = text ?? stream;
    let warned = false;
    const sink: OutputSink = async (bytes) => {
      take(bytes);
      try {
        await write(bytes);
      } catch (error) {
        // A reader that has gone, or a disk that is full, must not end a training that has a log.
        if (warned) return;
        warned = true;
        log.say(`Warning: ${name} can't be written: ${reasonOf(error)}; the run goes on, and so does its log\n`);
      }
    };
    sink.flush = () => text?.flush();
    this.#sinks.push(sink);
    return sink;
  }

  /** Logs what is left, once nothing more comes. */
  flush(): void {
    for (const sink of this.#sinks) sink.flush?.();
  }

  /** Closes the terminals. */
  [Symbol.dispose](): void {
    this.#resizing?.[Symbol.dispose]();
    this.terminals.stdout?.[Symbol.dispose]();
    this.terminals.stderr?.[Symbol.dispose]();
  }
}
