/**
 * The log of `serve`, which has one form from the first word to the last: also what is said while a model is prepared, what the
 * installer prints, and the error that ends the program.
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

  /** Logs to standard error from now on. */
  constructor(logging: LoggingOptions, io: Io) {
    this.#logging = logging;
    this.#io = io;
    this.#write = io.raw.stderr;
    this.change(logging);
  }

  /** Writes records in another way from now on. */
  change(logging: LoggingOptions): void {
    flushLog();
    this.#logging = logging;
    configureLogging((text) => this.#write(text), logging);
  }

  /** Says no more of workers: they are ended by force, which is nothing to tell of. */
  endWorkers(): void {
    this.change({ ...this.#logging, silent: ["supervisor"] });
  }

  /** How records are written. */
  get format(): LoggingOptions["format"] {
    return this.#logging.format;
  }

  /** Takes text in pieces, such as what an installer prints, and logs its lines. */
  readonly say = (text: string): void => this.#lines(new TextEncoder().encode(text));

  /** Writes text that is no record, for people. */
  readonly write = (text: string): void => this.#write(printableLines(text));

  /** The outside world, whose standard error is this log. */
  get io(): Io {
    return { ...this.#io, ...writersTo({ stdout: this.#io.raw.stdout, stderr: this.say }, false) };
  }

  /**
   * Logs to a file, too, if there is to be one.
   *
   * @throws {UsageError} if its name leads out of the run's folder, or it can't be written
   */
  open(options: RunLogOptions, archive: TargetArchive | undefined): RunLog {
    const warn = (message: string) => log.warning("{message}", { message });
    this.#file = new RunLog(options, archive, this.#io, warn);
    this.#write = this.#file.write;
    return this.#file;
  }

  /** Logs what ends the program, and returns its exit code. */
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

/** Says how to log, from options and variables. @throws {UsageError} if a variable has a value that it can't have */
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
