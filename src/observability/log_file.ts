/**
 * The log file of a run. Its name is a `strftime` format: when the clock moves the name on, the next line begins another file. A
 * format down to the second names a run by its start, since each line would have a file of its own.
 *
 * Everything is handed to the system as it comes, so that whatever kills the run, or this program, takes nothing of it away.
 */

import { exists } from "../files.ts";
import { reasonOf, UsageError } from "../errors.ts";
import { hasSeconds, strftime } from "./strftime.ts";

/** Where a run logs to. */
export interface LogFileOptions {
  /** The absolute path of the run's root. */
  readonly root: string;
  /** From the root. */
  readonly directory: string;
  /** For `strftime`; a `/` in it makes folders. */
  readonly format: string;
  /** A file that would be longer is set aside as `NAME.1`, the one before it as `NAME.2`; in bytes. @default no limit */
  readonly maxBytes?: number | undefined;
  /** The most files of this run, the one that is written to among them. @default no limit */
  readonly maxFiles?: number | undefined;
  readonly now?: () => Date;
}

const NEWLINE = 0x0a;

/** A log file that is written to. */
export class LogFile implements Disposable {
  readonly #options: LogFileOptions;
  readonly #now: () => Date;
  readonly #rolls: boolean;
  readonly #zone = zoneNames();
  /** Those that this run has made, the oldest first. */
  readonly #made: string[] = [];
  #second = 0;
  #path = "";
  #file: Deno.FsFile | undefined;
  #length = 0;
  #atLineStart = true;

  /**
   * Opens it.
   *
   * @throws {UsageError} if its name leads out of the root, or it can't be written
   */
  constructor(options: LogFileOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => new Date());
    this.#rolls = !hasSeconds(options.format);
    this.#open(this.#name());
  }

  /** The absolute path of the file that is written to. */
  get path(): string {
    return this.#path;
  }

  /** Writes bytes as they are. @throws {UsageError} if the disk is full, or another file can't be opened */
  write(bytes: Uint8Array): void {
    for (let start = 0; start < bytes.length;) {
      if (this.#atLineStart) this.#roll();
      const newline = bytes.lastIndexOf(NEWLINE);
      // Of what comes at once, all complete lines go to one file; a line is never parted.
      const end = newline < start ? bytes.length : newline + 1;
      this.#append(bytes.subarray(start, end));
      this.#atLineStart = bytes[end - 1] === NEWLINE;
      start = end;
    }
  }

  [Symbol.dispose](): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #append(bytes: Uint8Array): void {
    try {
      for (let written = 0; written < bytes.length;) written += this.#file!.writeSync(bytes.subarray(written));
    } catch (cause) {
      throw this.#unwritable(this.#path, cause);
    }
    this.#length += bytes.length;
  }

  #roll(): void {
    const second = Math.floor(this.#now().getTime() / 1000);
    if (this.#rolls && second !== this.#second) {
      const path = this.#name();
      if (path !== this.#path) this.#open(path);
    }
    const { maxBytes } = this.#options;
    if (maxBytes !== undefined && this.#length >= maxBytes) this.#setAside();
  }

  /** The absolute path that the file has now. */
  #name(): string {
    const { root, directory, format } = this.#options;
    const now = this.#now();
    this.#second = Math.floor(now.getTime() / 1000);
    const name = strftime(format, now, this.#zone);
    const parts = `${directory}/${name}`.split("/").filter((part) => part !== "" && part !== ".");
    if (name.startsWith("/") || parts.includes("..") || name.includes("\0")) {
      throw new UsageError(`The log's name '${name}' leads out of the run's folder '${root}': change '${format}'`);
    }
    if (name === "" || name.endsWith("/")) throw new UsageError(`'${format}' gives the log no name, but '${name}'`);
    return `${root}/${parts.join("/")}`;
  }

  #open(path: string): void {
    const folder = path.slice(0, path.lastIndexOf("/"));
    try {
      this.#checkInside(path, folder);
      Deno.mkdirSync(folder, { recursive: true });
      const file = Deno.openSync(path, { append: true, create: true });
      this.#file?.close();
      this.#file = file;
      this.#length = file.statSync().size;
    } catch (cause) {
      if (cause instanceof UsageError) throw cause;
      throw this.#unwritable(path, cause);
    }
    this.#path = path;
    if (!this.#made.includes(path)) this.#made.push(path);
    this.#forget();
  }

  /** Links in the way must not lead out. */
  #checkInside(path: string, folder: string): void {
    const { root } = this.#options;
    let there = folder;
    while (there !== root && !exists(there)) there = there.slice(0, there.lastIndexOf("/"));
    Deno.mkdirSync(root, { recursive: true });
    const [real, realRoot] = [Deno.realPathSync(there), Deno.realPathSync(root)];
    if (real !== realRoot && !real.startsWith(`${realRoot === "/" ? "" : realRoot}/`)) {
      throw new UsageError(`The log '${path}' leads out of the run's folder '${root}', through a link to '${real}'`);
    }
  }

  #setAside(): void {
    const path = this.#path;
    let count = 1;
    while (exists(`${path}.${count}`)) count++;
    for (; count > 1; count--) Deno.renameSync(`${path}.${count - 1}`, `${path}.${count}`);
    Deno.renameSync(path, `${path}.1`);
    // Numbers grow with age: the names of this run's files move on by one.
    const mine = this.#made.filter((made) => isNumbered(made, path));
    this.#made.splice(0, this.#made.length, ...this.#made.filter((made) => !isNumbered(made, path) && made !== path));
    this.#made.push(...mine.map((_, i) => `${path}.${mine.length - i + 1}`), `${path}.1`);
    this.#open(path);
  }

  /** Removes the oldest ones. */
  #forget(): void {
    const { maxFiles } = this.#options;
    while (maxFiles !== undefined && this.#made.length > Math.max(1, maxFiles)) {
      try {
        Deno.removeSync(this.#made.shift()!);
      } catch {
        // Somebody else has removed it.
      }
    }
  }

  #unwritable(path: string, cause: unknown): UsageError {
    return new UsageError(`The log '${path}' can't be written: ${reasonOf(cause)}`, { cause });
  }
}

function isNumbered(path: string, of: string): boolean {
  return path.startsWith(`${of}.`) && /^\d+$/.test(path.slice(of.length + 1));
}

/** Names of time zones, which only the system knows; asked for once for each offset. */
function zoneNames(): (time: Date) => string {
  const known = new Map<number, string>();
  return (time) => {
    const offset = time.getTimezoneOffset();
    const name = known.get(offset) ?? askZone(time);
    known.set(offset, name);
    return name;
  };
}

function askZone(time: Date): string {
  try {
    const { success, stdout } = new Deno.Command("date", {
      args: ["-d", `@${Math.floor(time.getTime() / 1000)}`, "+%Z"],
    }).outputSync();
    if (success) return new TextDecoder().decode(stdout).trim();
  } catch {
    // A system without it.
  }
  return strftime("%z", time);
}
