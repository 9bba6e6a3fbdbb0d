/** The log of a run: what is shown at the terminal, in a file too. */

import { DEFAULT_MANIFEST } from "../../archive/mod.ts";
import { absolute } from "./module.ts";
import { type JoinedStream, LineJoiner } from "../../observability/line_joiner.ts";
import { LogFile } from "../../observability/log_file.ts";
import { UsageError } from "../../errors.ts";
import { hideCredentials } from "../../credentials.ts";
import { printableLines } from "../../printable.ts";
import type { Io } from "../terminal/io.ts";
import type { TargetArchive } from "./target.ts";

/** The options that say where a run writes its log, under which name, and how long the files get. */
export interface RunLogOptions {
  readonly runDir: string;
  readonly logDir?: string | undefined;
  readonly logNameFormat?: string | undefined;
  readonly logMaxSize?: number | undefined;
  readonly logMaxFiles?: number | undefined;
}

const encoder = new TextEncoder();

/** Writes to a log file and to the terminal. */
export class RunLog implements Disposable {
  readonly #io: Io;
  readonly #joiner = new LineJoiner((bytes) => this.#file?.write(bytes));
  readonly #own = this.#joiner.stream();
  #file: LogFile | undefined;
  #limit: Disposable | undefined;

  /**
   * @param warn is told when the file can't be written. @default to standard error
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
        throw new UsageError("--log-max-size and --log-max-files are for a log file: ask for one with --log-dir");
      }
      return;
    }
    if (logDir !== undefined && (logDir.startsWith("/") || logDir.split("/").includes(".."))) {
      throw new UsageError(`--log-dir must be a path from --run-dir that stays in it, not '${logDir}'`);
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

  /** The absolute path of the file that is written to; undefined if there is none. */
  get path(): string | undefined {
    return this.#file?.path;
  }

  /** Shows lines at the terminal, and logs them, without what could control a terminal, and without credentials of URLs. */
  readonly say = (text: string): void => this.write(printableLines(hideCredentials(text)));

  /** The same for text with nothing from outside that could control a terminal. */
  readonly write = (text: string): void => {
    this.#io.raw.stderr(text);
    if (this.#file !== undefined) this.#own(encoder.encode(text));
  };

  /** Makes a stream of what is only logged: its lines, and those of others, are not torn. */
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
