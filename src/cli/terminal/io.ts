/** The interface to the outside world, which lets commands be tested without a process. */

import type { Listening } from "./signals.ts";
import type { StopSignal } from "../../bridge/exit.ts";
import type { TerminalSize } from "../../bridge/terminal.ts";
import type { SecretName } from "./secrets.ts";
import type { Writers } from "./writers.ts";

/** What standard output and standard error are connected to. */
export interface Streams {
  readonly stdout: "terminal" | "other";
  readonly stderr: "terminal" | "other";
  /** Whether both are the same terminal, pipe or file. */
  readonly isOne: boolean;
}

/** Everything outside the program that commands use: standard streams, environment variables, signals. */
export interface Io extends Writers {
  /** Writes bytes to standard output; resolves when there is room for more. */
  readonly stdoutBytes: (bytes: Uint8Array) => Promise<void>;
  /** Writes bytes to standard error; resolves when there is room for more. */
  readonly stderrBytes: (bytes: Uint8Array) => Promise<void>;
  /** Asks for a secret without echoing it; undefined without a terminal, or if the user cancels. */
  readonly askSecret: (question: string) => Promise<string | undefined>;
  /** The value of an environment variable. */
  readonly env: (name: string) => string | undefined;
  /** The value of a variable with a secret. The variable was removed from the environment, and child processes do not get it. */
  readonly secret: (name: SecretName) => string | undefined;
  /**
   * Calls `handler` for each request to stop, until disposed. Several SIGINT and SIGTERM within a second count as one.
   *
   * A job also stops on SIGHUP, and ignores signals that the process was started to ignore, as by `nohup`. A server always stops on
   * SIGINT and SIGTERM, and ignores SIGHUP unless something listens for it with `onHangUp`.
   */
  readonly onSignal: (handler: (signal: StopSignal) => void, listening?: Listening) => Disposable;
  /** Calls `handler` for each SIGHUP until disposed. */
  readonly onHangUp: (handler: () => void) => Disposable;
  /** Calls `handler` when the terminal's size changes, until disposed. */
  readonly onResize: (handler: () => void) => Disposable;
  /** Makes writes beyond a file size limit fail until disposed; by default the system ends the process (SIGXFSZ). */
  readonly heedFileLimit: () => Disposable;
  /** What standard output and standard error are connected to. */
  readonly streams: () => Streams;
  /** The current size of the terminal; undefined without one, or if it does not report its size. */
  readonly terminalSize: () => TerminalSize | undefined;
  /** The width of standard output's terminal in columns; undefined without a terminal. */
  readonly columns?: number | undefined;
  /** The width of standard error's terminal in columns; undefined without a terminal. */
  readonly errorColumns?: number | undefined;
  /** Whether to use colors. */
  readonly colors: boolean;
}
