/**
 * The log file of a run. Its name is a `strftime` format: when the clock moves the name on, the next line begins another file. A
 * format down to the second names a run by its start, since each line would have a file of its own. Runs at the same time have
 * files of their own: the second one of a name is `NAME-2`.
 *
 * Bytes are written to the file as they arrive, and survive the end of the run or of this program. Bytes that
 * can't be written, such as to a full disk, are missing from the log, which continues when writing works again: a log never makes
 * a run fail.
 */

import { reasonOf, UsageError } from "../errors.ts";
import { type ExclusiveFile, openExclusively } from "../exclusive_file.ts";
import { exists } from "../files.ts";
import { logPath, type LogPlace, makeFolder, nthPath, zoneNames } from "./log_name.ts";
import { hasSeconds } from "./strftime.ts";

/** Options of a run's log file. */
export interface LogFileOptions extends LogPlace {
  /** A file that would be longer is set aside as `NAME.1`, the one before it as `NAME.2`; in bytes. @default no limit */
  readonly maxBytes?: number | undefined;
  /** The most files of this run, the one that is written to among them. @default no limit */
  readonly maxFiles?: number | undefined;
  /** Receives a warning when the file can't be written, and when writing works again. */
  readonly warn?: (message: string) => void;
  readonly now?: () => Date;
}

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/** The most runs that log to one name at the same time. */
const MAX_RUNS = 1000;
/** The pause before a failed write is tried again, in ms. */
const RETRY_MS = 1_000;
/** The least time between two warnings, in ms. */
const WARN_MS = 60_000;

/** The open log file of a run. */
export class LogFile implements Disposable {
  readonly #options: LogFileOptions;
  readonly #now: () => Date;
  readonly #rolls: boolean;
  readonly #zone = zoneNames();
  /** The files that this run has created, the oldest first. */
  readonly #made: string[] = [];
  #second = 0;
  /** The path from the format; another run may own that file. */
  #name = "";
  #path = "";
  #file: ExclusiveFile | undefined;
  #length = 0;
  #atLineStart = true;
  /** The reason why writing fails at present, and how many bytes are missing. */
  #trouble: string | undefined;
  #missing = 0;
  #retryAt = -Infinity;
  #warnAt = -Infinity;

  /**
   * Opens the file; if that fails, it is tried again with later writes.
   *
   * @throws {UsageError} if its name leads out of the root
   */
  constructor(options: LogFileOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => new Date());
    this.#rolls = !hasSeconds(options.format);
    const name = this.#nameNow();
    try {
      this.#open(name);
    } catch (cause) {
      if (cause instanceof UsageError) throw cause;
      this.#path = name;
      this.#fail(cause, 0);
    }
  }

  /** The absolute path of the file that is written to, or would be. */
  get path(): string {
    return this.#path;
  }

  /** Writes bytes unchanged. A line is never split between files; a carriage return ends a line as well, for progress bars. */
  write(bytes: Uint8Array): void {
    for (let start = 0; start < bytes.length;) {
      if (this.#atLineStart) this.#roll(lineEnd(bytes, start) - start);
      const end = this.#lastThatFits(bytes, start);
      this.#append(bytes.subarray(start, end));
      this.#atLineStart = isLineEnd(bytes[end - 1]!);
      start = end;
    }
  }

  /** Returns the end of the bytes to write to this file: all complete lines that fit, or else the whole first line. */
  #lastThatFits(bytes: Uint8Array, start: number): number {
    const room = (this.#options.maxBytes ?? Infinity) - this.#length;
    let end = Math.min(bytes.length, start + Math.max(room, 0));
    while (end > start && !isLineEnd(bytes[end - 1]!)) end--;
    return end > start ? end : lineEnd(bytes, start);
  }

  [Symbol.dispose](): void {
    this.#file?.[Symbol.dispose]();
    this.#file = undefined;
  }

  #append(bytes: Uint8Array): void {
    if (this.#trouble !== undefined && !this.#resume(this.#trouble)) {
      this.#missing += bytes.length;
      return;
    }
    let written = 0;
    try {
      while (written < bytes.length) written += this.#file!.file.writeSync(bytes.subarray(written));
    } catch (cause) {
      this.#fail(cause, bytes.length - written);
    }
    this.#length += written;
  }

  /** Warns that writing failed, and pauses further attempts. */
  #fail(cause: unknown, missing: number): void {
    this.#trouble = reasonOf(cause);
    this.#missing += missing;
    const now = this.#now().getTime();
    this.#retryAt = now + RETRY_MS;
    if (now < this.#warnAt) return;
    this.#warnAt = now + WARN_MS;
    this.#options.warn?.(
      `The log '${this.#path}' can't be written: ${this.#trouble}; the run continues, and its log resumes when that is possible`,
    );
  }

  /** Resumes the log with a note of how much is missing; false if writing still fails. */
  #resume(reason: string): boolean {
    const now = this.#now().getTime();
    if (now < this.#retryAt) return false;
    this.#retryAt = now + RETRY_MS;
    try {
      if (this.#file === undefined) this.#open(this.#nameNow());
      if (this.#missing > 0) {
        const note = `${
          this.#length > 0 ? "\n" : ""
        }[aimodellib: ${this.#missing} bytes are missing here: ${reason}]\n`;
        const bytes = new TextEncoder().encode(note);
        // A partial write counts as a failure: the note is short.
        if (this.#file!.file.writeSync(bytes) < bytes.length) return false;
        this.#length += bytes.length;
      }
    } catch {
      return false;
    }
    this.#trouble = undefined;
    this.#missing = 0;
    return true;
  }

  /** Starts another file when the name changes, or a line of `length` bytes does not fit. On failure, the current file stays. */
  #roll(length: number): void {
    const now = this.#now().getTime();
    const second = Math.floor(now / 1000);
    try {
      if (this.#rolls && second !== this.#second && this.#file !== undefined) {
        const name = this.#nameNow();
        if (name !== this.#name) this.#open(name);
      }
      const { maxBytes } = this.#options;
      const isFull = maxBytes !== undefined && this.#length > 0 && this.#length + length > maxBytes;
      if (isFull && now >= this.#retryAt) this.#setAside();
    } catch (cause) {
      const trouble = this.#trouble;
      this.#fail(cause, 0);
      // The previous file is still open.
      if (this.#file !== undefined) this.#trouble = trouble;
    }
  }

  /** Returns the absolute path from the format at the current time. */
  #nameNow(): string {
    const now = this.#now();
    this.#second = Math.floor(now.getTime() / 1000);
    return logPath(this.#options, now, this.#zone);
  }

  #open(name: string): void {
    makeFolder(name, this.#options.root);
    let opened: ExclusiveFile | undefined;
    let path = name;
    // A name with seconds belongs to one run. Any other name may be that of an earlier run's file, which this run continues.
    for (let n = 1; n <= MAX_RUNS && opened === undefined; n++) {
      path = nthPath(name, n);
      opened = openExclusively(path, this.#rolls);
    }
    if (opened === undefined) throw new Error(`${MAX_RUNS} runs write logs of that name`);
    this.#file?.[Symbol.dispose]();
    this.#file = opened;
    this.#name = name;
    this.#path = path;
    this.#length = opened.file.statSync().size;
    if (!this.#made.includes(path)) this.#made.push(path);
    this.#forget();
  }

  #setAside(): void {
    const path = this.#path;
    // The file is missing if it was renamed, and no new one could be created.
    if (exists(path)) {
      let count = 1;
      while (exists(`${path}.${count}`)) count++;
      for (; count > 1; count--) Deno.renameSync(`${path}.${count - 1}`, `${path}.${count}`);
      Deno.renameSync(path, `${path}.1`);
      // Older files have higher numbers: each of this run's files moves up by one.
      const mine = this.#made.filter((made) => isNumbered(made, path));
      this.#made.splice(0, this.#made.length, ...this.#made.filter((made) => !isNumbered(made, path) && made !== path));
      this.#made.push(...mine.map((_, i) => `${path}.${mine.length - i + 1}`), `${path}.1`);
    }
    this.#open(this.#name);
  }

  /** Removes the oldest files beyond the limit. */
  #forget(): void {
    const { maxFiles } = this.#options;
    while (maxFiles !== undefined && this.#made.length > Math.max(1, maxFiles)) {
      try {
        Deno.removeSync(this.#made.shift()!);
      } catch {
        // The file is already removed.
      }
    }
  }
}

/** Returns the offset after the line that begins at `start`, or the end of the bytes. */
function lineEnd(bytes: Uint8Array, start: number): number {
  let end = start;
  while (end < bytes.length && !isLineEnd(bytes[end]!)) end++;
  return Math.min(end + 1, bytes.length);
}

function isLineEnd(byte: number): boolean {
  return byte === NEWLINE || byte === CARRIAGE_RETURN;
}

function isNumbered(path: string, of: string): boolean {
  return path.startsWith(`${of}.`) && /^\d+$/.test(path.slice(of.length + 1));
}
