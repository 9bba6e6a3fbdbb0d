/** A fake outside world for commands. */

import type { Io } from "../../../src/cli/terminal/io.ts";
import { writersTo } from "../../../src/cli/terminal/writers.ts";
import type { StopSignal } from "../../../src/bridge/exit.ts";
import { fakeEnv } from "./env.ts";

/** Keeps all output, and sends signals when a test says so. */
export class FakeIo implements Io {
  out = "";
  err = "";
  /** Bytes that were written to standard output. */
  readonly bytes: Uint8Array[] = [];
  readonly env: Io["env"];
  readonly columns = 100;
  readonly colors: boolean;
  readonly #handlers = new Set<(signal: StopSignal) => void>();

  constructor(variables: Readonly<Record<string, string>> = {}, colors = false) {
    this.env = fakeEnv({ AIMODELLIB_LOG_FORMAT: "text", ...variables });
    this.colors = colors;
  }

  readonly secret: Io["secret"] = (name) => this.env(name);

  readonly raw: Io["raw"] = {
    stdout: (text) => void (this.out += text),
    stderr: (text) => void (this.err += text),
  };
  readonly #writers = writersTo(this.raw, false);
  readonly stdout = this.#writers.stdout;
  readonly stderr = this.#writers.stderr;
  readonly stdoutLine = this.#writers.stdoutLine;
  readonly stderrLine = this.#writers.stderrLine;
  readonly stdoutJson = this.#writers.stdoutJson;
  readonly stdoutData = this.#writers.stdoutData;
  readonly stdoutBytes = (bytes: Uint8Array): Promise<void> => {
    this.bytes.push(bytes.slice());
    return Promise.resolve();
  };
  readonly stderrBytes = (bytes: Uint8Array): Promise<void> => {
    this.err += new TextDecoder().decode(bytes);
    return Promise.resolve();
  };

  /** The answers to questions, in order. */
  readonly secrets: string[] = [];
  readonly askSecret = (question: string): Promise<string | undefined> => {
    this.err += `${question}\n`;
    return Promise.resolve(this.secrets.shift());
  };

  readonly onSignal: Io["onSignal"] = (handler) => {
    this.#handlers.add(handler);
    return { [Symbol.dispose]: () => void this.#handlers.delete(handler) };
  };

  readonly onHangUp: Io["onHangUp"] = (handler) => {
    this.hangUp = handler;
    return { [Symbol.dispose]: () => this.hangUp = undefined };
  };

  readonly onResize: Io["onResize"] = () => ({ [Symbol.dispose]: () => {} });
  readonly heedFileLimit: Io["heedFileLimit"] = () => ({ [Symbol.dispose]: () => {} });
  readonly streams: Io["streams"] = () => ({ stdout: "other", stderr: "other", isOne: false });
  readonly terminalSize: Io["terminalSize"] = () => undefined;

  /** Simulates SIGHUP. */
  hangUp: (() => void) | undefined;

  /** The number of signal handlers. */
  get listeners(): number {
    return this.#handlers.size;
  }

  /** Simulates a signal. */
  signal(signal: StopSignal): void {
    for (const handler of this.#handlers) handler(signal);
  }
}
