/** Places for the records of runs: each run has its own file, and `run.json` is the newest one. */

import { FileBeside, temporaryBeside } from "../../atomic_file.ts";
import { AimodellibError } from "../../errors.ts";

/** The fields of an existing record that are read. */
interface Found {
  readonly id?: string;
  readonly start: string;
}

/** A place for the record of one run. */
export interface RecordPlace {
  /** Writes the record as JSON, and replaces its earlier state. @throws {Error} if that fails; the message names the file */
  write(record: Found & { readonly end?: string }, bytes: Uint8Array): void;
}

/** A file with the name of a record is something else. */
export class NoRecord extends AimodellibError {
  override readonly name = "NoRecord";
}

/** The file name of the newest record. */
const NAME = "run.json";
/** The most runs that may start in the same millisecond. */
const MAX_RUNS = 1000;

/**
 * The folder of a run's log. It keeps the records of all runs as `run.START.json`, and `run.json` is a link to the newest, or a copy on
 * file systems without links.
 */
export class LogRecords implements RecordPlace {
  readonly #folder: string;
  #path: string | undefined;
  /** Whether `run.json` was written by this run, and as what. */
  #named: "no" | "link" | "copy" = "no";

  /** @param folder its absolute path */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @inheritdoc */
  write(record: Found, bytes: Uint8Array): void {
    Deno.mkdirSync(this.#folder, { recursive: true });
    this.#path = writeOwn(this.#folder, record, bytes, this.#path);
    const newest = `${this.#folder}/${NAME}`;
    if (this.#named === "no") this.#named = this.#name(newest, record, bytes, this.#path);
    else if (this.#named === "copy" && read(newest)?.id === record.id) replace(newest, bytes);
  }

  #name(newest: string, record: Found, bytes: Uint8Array, own: string): "link" | "copy" {
    const there = read(newest);
    if (there === undefined && isThere(newest)) {
      throw new NoRecord(`'${newest}' is not a record of aimodellib and stays: that of this run is '${own}'`);
    }
    // A run on another host may have started after this one.
    if (there !== undefined && there.start > record.start) return "link";
    if (there !== undefined && !Deno.lstatSync(newest).isSymlink) keep(newest, there);
    const link = temporaryBeside(newest);
    try {
      Deno.symlinkSync(own.slice(own.lastIndexOf("/") + 1), link);
    } catch {
      replace(newest, bytes);
      return "copy";
    }
    Deno.renameSync(link, newest);
    return "link";
  }
}

/**
 * A model directory. Its `run.json` is the record of the run that was started last; an earlier run that ends later gets a file of its
 * own. A file of this name that is not a record is never replaced.
 */
export class ModelRecord implements RecordPlace {
  readonly #folder: string;
  #path: string | undefined;
  #begun = false;

  /** @param folder its absolute path */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @inheritdoc */
  write(record: Found & { readonly end?: string }, bytes: Uint8Array): void {
    const path = `${this.#folder}/${NAME}`;
    const there = read(path);
    if (there === undefined && isThere(path)) {
      throw new NoRecord(`'${path}' is not a record of aimodellib and stays: this run has no record there`);
    }
    if (!this.#begun || there === undefined || there.id === record.id) {
      replace(path, bytes);
      this.#begun = true;
    } else if (record.end !== undefined) this.#path = writeOwn(this.#folder, record, bytes, this.#path);
  }
}

/** Writes `run.START.json`. @param former the path of the last time @returns the path, which no other run uses */
function writeOwn(folder: string, { start }: Found, bytes: Uint8Array, former: string | undefined): string {
  const path = former ?? claim(folder, start);
  try {
    replace(path, bytes);
  } catch (error) {
    if (former === undefined) Deno.removeSync(path);
    throw error;
  }
  return path;
}

/** Creates an empty file whose name no other run uses. */
function claim(folder: string, start: string): string {
  const stem = `${folder}/${stemOf(start)}`;
  for (let n = 1; n <= MAX_RUNS; n++) {
    const path = `${stem}${n === 1 ? "" : `-${n}`}.json`;
    try {
      Deno.openSync(path, { write: true, createNew: true }).close();
      return path;
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    }
  }
  throw new AimodellibError(`There are ${MAX_RUNS} records named '${stem}.json' already: remove some of them`);
}

/** Renames a record that is no longer the newest. */
function keep(path: string, { start }: Found): void {
  const folder = path.slice(0, path.lastIndexOf("/"));
  Deno.renameSync(path, claim(folder, start));
}

function stemOf(start: string): string {
  return `run.${start.replaceAll(/[^\w.-]/g, "-")}`;
}

function replace(path: string, bytes: Uint8Array): void {
  using file = new FileBeside(path);
  file.write(bytes);
  file.commit();
}

/** Reads a record; undefined if the file does not exist or is not a record. */
function read(path: string): Found | undefined {
  try {
    const { aimodellib, id, start } = JSON.parse(Deno.readTextFileSync(path));
    return typeof aimodellib === "string" && typeof start === "string" ? { id, start } : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a path exists; a link to a removed record does not count. */
function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound);
  }
}
