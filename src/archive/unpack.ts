/**
 * Unpacks a Model Archive: all of it, or nothing.
 *
 * 1. It is written to a folder beside its place, which takes that place when the last byte was checked.
 * 2. No link exists while files are written; they are made when all of them are known and lead nowhere else.
 */

import { UsageError } from "../errors.ts";
import { reasonOf, temporaryBeside } from "./beside.ts";
import { ArchiveError } from "./errors.ts";
import type { ByteSource } from "./gzip/reader.ts";
import type { SafeEntry } from "./rules.ts";
import { scan, type ScanOptions, type ScanResult } from "./scan.ts";

/**
 * Unpacks.
 *
 * @param folder which is made; it may be there if it is empty
 * @throws {UsageError} if the folder holds something
 * @throws {ArchiveError} if the folder can't be written to, or which names what is wrong with the archive
 */
export async function unpack(source: ByteSource, folder: string, options: ScanOptions = {}): Promise<ScanResult> {
  const path = folder.length > 1 ? folder.replace(/\/+$/, "") : folder;
  checkPlace(path);
  const temporary = temporaryBeside(path);
  try {
    Deno.mkdirSync(temporary, { mode: 0o700 });
  } catch (cause) {
    throw new ArchiveError(`The folder '${path}' can't be made: ${reasonOf(cause)}`, { cause });
  }
  try {
    const writer = new Writer(temporary);
    let result: ScanResult;
    try {
      result = await scan(source, writer, options);
      writer.finish();
    } finally {
      writer[Symbol.dispose]();
    }
    checkPlace(path);
    Deno.chmodSync(temporary, 0o755);
    Deno.renameSync(temporary, path);
    return result;
  } catch (error) {
    Deno.removeSync(temporary, { recursive: true });
    throw error;
  }
}

/** @throws {UsageError} if something is there that would be lost */
function checkPlace(path: string): void {
  try {
    const [first] = Deno.readDirSync(path);
    if (first !== undefined) {
      throw new UsageError(`The folder '${path}' is not empty: name one that is, or is not there`);
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    if (error instanceof UsageError) throw error;
    throw new UsageError(`'${path}' can't be unpacked to: ${reasonOf(error)}`, { cause: error });
  }
}

/** Writes entries into a folder. */
class Writer implements Disposable {
  readonly #root: string;
  readonly #folders = new Set<string>();
  readonly #links: SafeEntry[] = [];
  #file: Deno.FsFile | undefined;
  #entry: SafeEntry | undefined;

  constructor(root: string) {
    this.#root = root;
  }

  onEntry(entry: SafeEntry): void {
    this.#entry = entry;
    if (entry.kind === "directory") this.#makeFolder(entry.path);
    else this.#makeFolder(entry.path.slice(0, Math.max(0, entry.path.lastIndexOf("/"))));
    if (entry.kind === "symlink") this.#links.push(entry);
    else if (entry.kind === "hardlink") {
      this.#try(entry, () => Deno.linkSync(`${this.#root}/${entry.target}`, `${this.#root}/${entry.path}`));
    } else if (entry.kind === "file") {
      const options = { write: true, createNew: true, mode: entry.executable ? 0o755 : 0o644 };
      this.#file = this.#try(entry, () => Deno.openSync(`${this.#root}/${entry.path}`, options));
    }
  }

  onData(bytes: Uint8Array): void {
    const file = this.#file!;
    this.#try(this.#entry!, () => {
      for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
    });
  }

  onEnd(): void {
    if (this.#file === undefined) return;
    const { mtime } = this.#entry!;
    this.#file.utimeSync(mtime, mtime);
    this.#file.close();
    this.#file = undefined;
  }

  /** Makes the links. */
  finish(): void {
    for (const entry of this.#links) {
      this.#try(entry, () => Deno.symlinkSync(entry.target, `${this.#root}/${entry.path}`));
    }
  }

  [Symbol.dispose](): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #makeFolder(path: string): void {
    if (path === "" || this.#folders.has(path)) return;
    this.#folders.add(path);
    try {
      Deno.mkdirSync(`${this.#root}/${path}`, { recursive: true });
    } catch (cause) {
      throw new ArchiveError(`'${path}' can't be written: ${reasonOf(cause)}`, { cause });
    }
  }

  #try<T>({ path }: SafeEntry, write: () => T): T {
    try {
      return write();
    } catch (cause) {
      throw new ArchiveError(`'${path}' can't be written: ${reasonOf(cause)}`, { cause });
    }
  }
}
