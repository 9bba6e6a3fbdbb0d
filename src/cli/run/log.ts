/** Writes the terminal output of a run to a log file as well. */

import { DEFAULT_MANIFEST } from "../../archive/layout.ts";
import { absolute } from "./module.ts";
import { type JoinedStream, LineJoiner } from "../../observability/line_joiner.ts";
import { LogFile } from "../../observability/log_file.ts";
import { UsageError } from "../../errors.ts";
import { hideCredentials } from "../../credentials.ts";
import { printableLines } from "../../printable.ts";
import type { Io } from "../terminal/io.ts";
import type { TargetArchive } from "./target.ts";

/** The options for place, names and sizes of a run's log files. */
export interface RunLogOptions {
  readonly runDir: string;
  readonly logDir?: string | undefined;
  readonly logNameFormat?: string | undefined;
  readonly logMaxSize?: number | undefined;
  readonly logMaxFiles?: number | undefined;
}

const encoder = new TextEncoder();

/** Writes to the terminal, and to the run's log file if there is one. */
export class RunLog implements Disposable {
  readonly #io: Io;
  readonly #joiner = new LineJoiner((bytes) => {
    this.#file?.write(bytes);
    this.#onText?.(bytes);
  });
  readonly #own = this.#joiner.stream();
  #file: LogFile | undefined;
  #limit: Disposable | undefined;
  #onText: ((bytes: Uint8Array) => void) | undefined;

  /**
   * @param warn reports that the file can't be written. @default to standard error
   * @throws {UsageError} if the log's name leads out of the run's folder
   */
  constructor(
    options: RunLogOptions,
    archive: TargetArchive | undefined,
    io: Io,
    warn = (message: string) => io.stderrLine(`Warning: ${message}`),
  ) {
    this.#io = io;
    const { logDir, logNameFormat, logMaxSize, logMaxFiles } = options;
    const { logDirectory, logNamingFormat } = archive?.manifest ?? DEFAULT_MANIFEST;
    if (archive === undefined && logDir === undefined && logNameFormat === undefined) {
      if (logMaxSize !== undefined || logMaxFiles !== undefined) {
        throw new UsageError("--log-max-size and --log-max-files need a log file: add --log-dir or --log-name-format");
      }
      return;
    }
    if (logDir !== undefined && (logDir.startsWith("/") || logDir.split("/").includes(".."))) {
      throw new UsageError(`--log-dir must be a relative path inside --run-dir, not '${logDir}'`);
    }
    this.#limit = io.heedFileLimit();
    this.#file = new LogFile({
      root: absolute(options.runDir),
      directory: logDir ?? logDirectory,
      format: logNameFormat ?? logNamingFormat,
      maxBytes: logMaxSize,
      maxFiles: logMaxFiles,
      warn,
    });
  }

  /** The absolute path of the current log file; undefined without one. */
  get path(): string | undefined {
    return this.#file?.path;
  }

  /** Whether the text goes anywhere besides the terminal. */
  get isKept(): boolean {
    return this.#file !== undefined || this.#onText !== undefined;
  }

  /** Passes all text from now on to `onText` as well, with or without a log file. */
  follow(onText: (bytes: Uint8Array) => void): void {
    this.#onText = onText;
  }

  /** Shows and logs lines, with control characters escaped and credentials in URLs hidden. */
  readonly say = (text: string): void => this.write(printableLines(hideCredentials(text)));

  /** Shows and logs text unchanged; it must not contain unescaped text from outside. */
  readonly write = (text: string): void => {
    this.#io.raw.stderr(text);
    if (this.isKept) this.#own(encoder.encode(text));
  };

  /** Makes a stream that is only logged. Lines of different streams are never mixed. */
  stream(): JoinedStream {
    return this.#joiner.stream();
  }

  [Symbol.dispose](): void {
    this.#joiner.flush();
    this.#file?.[Symbol.dispose]();
    this.#file = undefined;
    this.#limit?.[Symbol.dispose]();
  }
}
