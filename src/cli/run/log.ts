/** The log of a run: what is shown at the terminal, in a file too. */

import { DEFAULT_MANIFEST } from "../../archive/mod.ts";
import { absolute } from "./module.ts";
import { LogFile } from "../../observability/log_file.ts";
import type { OutputSink } from "../../bridge/mod.ts";
import { UsageError } from "../../errors.ts";
import { hideCredentials } from "../../credentials.ts";
import { printableLines } from "../../printable.ts";
import type { Io } from "../terminal/io.ts";
import type { TargetArchive } from "./target.ts";

/** The options of it. */
export interface RunLogOptions {
  readonly runDir: string;
  readonly logDir?: string | undefined;
  readonly logNameFormat?: string | undefined;
  readonly logMaxSize?: number | undefined;
  readonly logMaxFiles?: number | undefined;
}

/** Writes to a log file and to the terminal. */
export class RunLog implements Disposable {
  readonly #io: Io;
  readonly #warn: (message: string) => void;
  #file: LogFile | undefined;

  /**
   * @param warn is told when the file can't be written any more. @default to standard error
   * @throws {UsageError} if the log's name leads out of the run's folder, or it can't be written
   */
  constructor(
    options: RunLogOptions,
    archive: TargetArchive | undefined,
    io: Io,
    warn = (message: string) => io.stderrLine(`Warning: ${message}`),
  ) {
    this.#io = io;
    this.#warn = warn;
    const { logDir, logNameFormat, logMaxSize, logMaxFiles } = options;
    const { logDirectory, logNamingFormat } = archive?.manifest ?? DEFAULT_MANIFEST;
    if (archive === undefined && logDir === undefined && logNameFormat === undefined) {
      if (logMaxSize !== undefined || logMaxFiles !== undefined) {
        throw new UsageError("--log-max-size and --log-max-files are for a log file: ask for one with --log-dir");
      }
      return;
    }
    if (logDir !== undefined && (logDir.startsWith("/") || logDir.split("/").includes(".."))) {
      throw new UsageError(`--log-dir must be a path from --run-dir that stays in it, not '${logDir}'`);
    }
    this.#file = new LogFile({
      root: absolute(options.runDir),
      directory: logDir ?? logDirectory,
      format: logNameFormat ?? logNamingFormat,
      maxBytes: logMaxSize,
      maxFiles: logMaxFiles,
    });
  }

  /** The absolute path of the file that is written to; undefined if there is none. */
  get path(): string | undefined {
    return this.#file?.path;
  }

  /** Shows lines at the terminal, and logs them, without what could control a terminal, and without credentials of URLs. */
  readonly say = (text: string): void => this.write(printableLines(hideCredentials(text)));

  /** The same for text with nothing from outside that could control a terminal. */
  readonly write = (text: string): void => {
    this.#io.raw.stderr(text);
    this.#log(new TextEncoder().encode(text));
  };

  /** A sink that shows what comes on one of the standard streams, and logs it. */
  sink(stream: "stdout" | "stderr"): OutputSink {
    const show = stream === "stdout" ? this.#io.stdoutBytes : this.#io.stderrBytes;
    return async (bytes) => {
      this.#log(bytes);
      await show(bytes);
    };
  }

  /** A disk that is full must not end a training of days. */
  #log(bytes: Uint8Array): void {
    try {
      this.#file?.write(bytes);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      this[Symbol.dispose]();
      this.#warn(`${error.message}; the run goes on without a log`);
    }
  }

  [Symbol.dispose](): void {
    this.#file?.[Symbol.dispose]();
    this.#file = undefined;
  }
}
