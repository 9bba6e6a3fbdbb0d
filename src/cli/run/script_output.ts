/**
 * Sends a script's output to this program's own output and to the log of the run.
 *
 * Without a log, the script inherits the streams. With a log, it gets pipes, or a pseudo-terminal in place of each terminal. If both of
 * this program's streams go to the same place, the script gets one stream for both, which keeps its output in order.
 */

import { type OutputSink, type ScriptOutput, Terminal } from "../../bridge/mod.ts";
import { reasonOf } from "../../errors.ts";
import { plainText } from "../../observability/plain_text.ts";
import type { Io } from "../terminal/io.ts";
import type { RunLog } from "./log.ts";

/** The pipes or pseudo-terminals of a script, until this is disposed. */
export class LoggedOutput implements ScriptOutput, Disposable {
  readonly stdout: OutputSink;
  readonly stderr: OutputSink | "stdout";
  readonly terminals: { readonly stdout?: Terminal | undefined; readonly stderr?: Terminal | undefined };
  readonly #sinks: OutputSink[] = [];
  readonly #resizing: Disposable | undefined;

  /** Opens a pseudo-terminal for each stream that is a terminal. */
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
        // A reader that has gone, or a full disk, must not end a run that has a log.
        if (warned) return;
        warned = true;
        log.say(`Warning: ${name} can't be written: ${reasonOf(error)}; the run and its log continue\n`);
      }
    };
    sink.flush = () => text?.flush();
    this.#sinks.push(sink);
    return sink;
  }

  /** Logs the rest, after the last output. */
  flush(): void {
    for (const sink of this.#sinks) sink.flush?.();
  }

  /** Closes the pseudo-terminals. */
  [Symbol.dispose](): void {
    this.#resizing?.[Symbol.dispose]();
    this.terminals.stdout?.[Symbol.dispose]();
    this.terminals.stderr?.[Symbol.dispose]();
  }
}
