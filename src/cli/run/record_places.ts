/** Where records of runs are kept, so that each run has one of its own, and `run.json` is that of the newest. */

import { FileBeside, temporaryBeside } from "../../atomic_file.ts";
import { AimodellibError } from "../../errors.ts";

/** What is read of a record that is there. */
interface Found {
  readonly id?: string;
  readonly start: string;
}

/** A place for the record of one run. */
export interface RecordPlace {
  /** Writes the record, as JSON, in place of what it was before. @throws {Error} which names the file */
  write(record: Found & { readonly end?: string }, bytes: Uint8Array): void;
}

/** A file of a record's name that is none. */
export class NoRecord extends AimodellibError {
  override readonly name = "NoRecord";
}

/** The newest record's name. */
const NAME = "run.json";
/** Runs that start in the same millisecond. */
const MAX_RUNS = 1000;

/**
 * The folder of a run's log, where the records of all runs stay: `run.START.json`, and the link `run.json` to the newest, or a copy
 * where there are no links.
 */
export class LogRecords implements RecordPlace {
  readonly #folder: string;
  #path: string | undefined;
  /** Whether `run.json` was dealt with, and whether it is a copy. */
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
    // A run on another host may have begun after this one.
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
 * A model directory, whose `run.json` is the record of the run that was begun last. One that ends when another has begun has its
 * record beside it. A file of this name that is no record is left alone.
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

/** Writes `run.START.json`, which is no other run's. @returns its path, that of the last time if there was one */
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

/** Makes an empty file of a name that no other run has. */
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
  throw new AimodellibError(`${MAX_RUNS} runs have records of that name: '${stem}.json'`);
}

/** Keeps a record that is the newest no more. */
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

/** A record of ours; undefined if there is none. */
function read(path: string): Found | undefined {
  try {
    const { aimodellib, id, start } = JSON.parse(Deno.readTextFileSync(path));
    return typeof aimodellib === "string" && typeof start === "string" ? { id, start } : undefined;
  } catch {
    return undefined;
  }
}

/** Whether there is something that is no link to a record that was removed. */
function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound);
  }
}
