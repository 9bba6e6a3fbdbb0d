/**
 * The log of `serve`, in one format from the first line to the last. It includes messages about preparing a model, the installer's
 * output, and the error that ends the program.
 */

import { getLogger } from "@logtape/logtape";
import { lineSplitter } from "../../observability/lines.ts";
import { configureLogging, flushLog, type LoggingOptions } from "../../observability/logging.ts";
import { printableLines } from "../../printable.ts";
import { UsageError } from "../../errors.ts";
import { explain } from "../errors.ts";
import type { Io } from "../terminal/io.ts";
import { writersTo } from "../terminal/writers.ts";
import { RunLog, type RunLogOptions } from "../run/log.ts";
import type { TargetArchive } from "../run/target.ts";
import { LOG_FORMATS, LOG_LEVELS, type LogChoice } from "./options.ts";

const log = getLogger(["aimodellib", "serve"]);
const setupLog = getLogger(["aimodellib", "setup"]);

/** Takes everything that `serve` says, from its first line to the error that ends it, and logs it in one format. */
export class ServeLog implements Disposable {
  #logging: LoggingOptions;
  readonly #io: Io;
  readonly #lines = lineSplitter((line) => setupLog.info("{line}", { line }));
  #write: (text: string) => void;
  #file: RunLog | undefined;

  /** Starts logging to standard error. */
  constructor(logging: LoggingOptions, io: Io) {
    this.#logging = logging;
    this.#io = io;
    this.#write = io.raw.stderr;
    this.change(logging);
  }

  /** Changes format and level for the following records. */
  change(logging: LoggingOptions): void {
    flushLog();
    this.#logging = logging;
    configureLogging((text) => this.#write(text), logging);
  }

  /** Stops logging about workers, which are about to be killed on purpose. */
  endWorkers(): void {
    this.change({ ...this.#logging, silent: ["supervisor"] });
  }

  /** The current format of records. */
  get format(): LoggingOptions["format"] {
    return this.#logging.format;
  }

  /** Logs the lines of text that comes in pieces, such as an installer's output. */
  readonly say = (text: string): void => this.#lines(new TextEncoder().encode(text));

  /** Writes text for people that is not a record. */
  readonly write = (text: string): void => this.#write(printableLines(text));

  /** The outside world, with this log as its standard error. */
  get io(): Io {
    return { ...this.#io, ...writersTo({ stdout: this.#io.raw.stdout, stderr: this.say }, false) };
  }

  /**
   * Starts logging to a file as well, if the options or the archive ask for one.
   *
   * @throws {UsageError} if the file's name leads out of the run's folder, or it can't be written
   */
  open(options: RunLogOptions, archive: TargetArchive | undefined): RunLog {
    const warn = (message: string) => log.warning("{message}", { message });
    this.#file = new RunLog(options, archive, this.#io, warn);
    this.#write = this.#file.write;
    return this.#file;
  }

  /** Shows text to a person at a terminal, outside the log. Without a terminal, or if the log is JSON, it shows nothing. */
  welcome(text: (colors: boolean) => string): void {
    if (this.#logging.format === "json" || this.#io.errorColumns === undefined) return;
    flushLog();
    this.#io.raw.stderr(text(this.#io.colors));
  }

  /** Logs the error that ends the program, and returns the exit code. */
  fail(error: unknown): number {
    this.#lines.flush();
    flushLog();
    const { message, code } = explain(error);
    if (this.#logging.format === "json") log.error("{reason}", { reason: message.replace(/^Error: /, ""), code });
    else this.#write(printableLines(`${message}\n`));
    return code;
  }

  [Symbol.dispose](): void {
    this.#lines.flush();
    flushLog();
    this.#write = this.#io.raw.stderr;
    this.#file?.[Symbol.dispose]();
  }
}

/** Reads format and level from options and variables. @throws {UsageError} if a variable has an invalid value */
export function loggingOf({ logFormat, logLevel }: LogChoice, io: Io): LoggingOptions {
  const format = logFormat ?? variable(io, "AIMODELLIB_LOG_FORMAT", LOG_FORMATS) ??
    (io.errorColumns === undefined ? "json" : "text");
  const level = logLevel ?? variable(io, "AIMODELLIB_LOG_LEVEL", LOG_LEVELS);
  return { format, ...(level && { level }) };
}

function variable<T extends string>(io: Io, name: string, choices: readonly T[]): T | undefined {
  const value = io.env(name);
  if (!value) return undefined;
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw new UsageError(`${name} must be one of ${choices.join(", ")}, not '${value}'`);
  return found;
}
