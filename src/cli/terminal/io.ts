/** What a command is given of the outside world, so that it can be tested without a process. */

import type { Listening } from "./signals.ts";
import type { StopSignal } from "../../bridge/exit.ts";
import type { TerminalSize } from "../../bridge/terminal.ts";
import type { SecretName } from "./secrets.ts";
import type { Writers } from "./writers.ts";

/** What the standard streams are. */
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
  /** Asks for what is not to be seen; undefined if there is no terminal, or the answer is broken off. */
  readonly askSecret: (question: string) => Promise<string | undefined>;
  /** The value of an environment variable. */
  readonly env: (name: string) => string | undefined;
  /** The value of a variable that holds a secret: it is no longer in the environment, and what is started does not get it. */
  readonly secret: (name: SecretName) => string | undefined;
  /**
   * Calls back for each stop, until disposed. Several SIGINT and SIGTERM within a second are one stop.
   *
   * For a job, SIGHUP is one as well, and what the process was started to ignore is ignored, as by `nohup`. A server stops by SIGINT and SIGTERM
   * in any case, and ignores SIGHUP where nothing listens for that with `onHangUp`.
   */
  readonly onSignal: (handler: (signal: StopSignal) => void, listening?: Listening) => Disposable;
  /** Calls back for each SIGHUP, until disposed. */
  readonly onHangUp: (handler: () => void) => Disposable;
  /** Calls back when the terminal has another size, until disposed. */
  readonly onResize: (handler: () => void) => Disposable;
  /** Has a write that is over a limit of file sizes fail, until disposed: else the system ends the process (SIGXFSZ). */
  readonly heedFileLimit: () => Disposable;
  /** What standard output and error are. */
  readonly streams: () => Streams;
  /** How large the terminal is now; undefined if there is none, or it does not say. */
  readonly terminalSize: () => TerminalSize | undefined;
  /** Columns of the terminal; undefined if standard output is none. */
  readonly columns?: number | undefined;
  /** Columns of the terminal that shows standard error; undefined if none does. */
  readonly errorColumns?: number | undefined;
  /** Whether to use colours. */
  readonly colors: boolean;
}
