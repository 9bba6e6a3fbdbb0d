/** Finds the event files that a training writes, and reads their scalars as they grow. */

import { reasonOf } from "../errors.ts";
import { printable } from "../printable.ts";
import { readEvent } from "./event.ts";
import { DamagedFile, RecordReader } from "./records.ts";

/** How event files are named: `events.out.tfevents.TIME.HOST…`. */
const NAME = /tfevents/;

/** Limits of a search: entries of folders, and how deep they are. */
const MAX_ENTRIES = 5_000;
const MAX_DEPTH = 6;

/** The most files. */
const MAX_FILES = 100;

/** How much one call reads, in bytes. Larger files take several calls. */
const MAX_BYTES = 4 * 2 ** 20;

/** The clock of a file server may be behind, in ms. */
const SLACK_MS = 2_000;

/** Gets a scalar. `run` is the folder of its file, relative to the folder that was searched. */
type OnScalar = (tag: string, run: string, step: number, value: number, time: number) => void;

interface EventFile {
  readonly reader: RecordReader;
  readonly run: string;
}

/** Follows the event files in some folders. */
export class EventFiles {
  readonly #folders: readonly string[];
  readonly #since: number;
  readonly #onScalar: OnScalar;
  readonly #files = new Map<string, EventFile | undefined>();
  readonly #notes = new Set<string>();

  /**
   * @param folders absolute paths, which need not exist yet
   * @param since files that were not written since then are of other runs, in ms since 1970
   */
  constructor(folders: readonly string[], since: number, onScalar: OnScalar) {
    this.#folders = folders;
    this.#since = since - SLACK_MS;
    this.#onScalar = onScalar;
  }

  /** What could not be read, as sentences. */
  get notes(): readonly string[] {
    return [...this.#notes];
  }

  /** Looks for new files, and reads what was written. @returns whether there may be more to read at once */
  async poll(): Promise<boolean> {
    for (const folder of this.#folders) await this.#search(folder);
    let left = MAX_BYTES;
    for (const [path, file] of this.#files) {
      while (file !== undefined && this.#files.get(path) !== undefined) {
        const read = await this.#read(path, file);
        if (read === 0) break;
        left -= read;
        if (left <= 0) return true;
      }
    }
    return false;
  }

  /** Reads some records. @returns how many bytes of them there were; 0 if there is nothing more */
  async #read(path: string, { reader, run }: EventFile): Promise<number> {
    try {
      return await reader.read((data) => {
        const event = readEvent(data);
        for (const { tag, value } of event?.scalars ?? []) this.#onScalar(tag, run, event!.step, value, event!.time);
      });
    } catch (error) {
      const reason = error instanceof DamagedFile ? `${error.message}; what follows is not read` : reasonOf(error);
      this.#notes.add(`The event file '${printable(path)}' can't be read: ${reason}`);
      this.#files.set(path, undefined);
      return 0;
    }
  }

  async #search(root: string): Promise<void> {
    const folders = [{ path: root, depth: 0 }];
    let entries = 0;
    for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
      const { path, depth } = folder;
      try {
        for await (const { name, isDirectory, isFile } of Deno.readDir(path)) {
          if (++entries > MAX_ENTRIES) {
            this.#notes.add(`'${printable(root)}' has more than ${MAX_ENTRIES} files: event files may be missing here`);
            return;
          }
          const inner = `${path}/${name}`;
          if (isDirectory && depth < MAX_DEPTH && !name.startsWith(".")) {
            folders.push({ path: inner, depth: depth + 1 });
          }
          if (isFile && NAME.test(name) && !this.#files.has(inner)) await this.#add(inner, path.slice(root.length + 1));
        }
      } catch {
        // There is no such folder yet, or it may not be read.
      }
    }
  }

  async #add(path: string, run: string): Promise<void> {
    const { mtime } = await Deno.lstat(path);
    if ((mtime?.getTime() ?? Infinity) < this.#since) return;
    if (this.#files.size >= MAX_FILES) {
      this.#notes.add(`There are more than ${MAX_FILES} event files: only the first ones are shown`);
      return;
    }
    this.#files.set(path, { reader: new RecordReader(path), run });
  }
}
