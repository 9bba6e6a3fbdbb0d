/** Writes the entries of an archive into a folder: files and folders at once, links at the end. */

import { reasonOf } from "../../errors.ts";
import { ArchiveError } from "../errors.ts";
import type { SafeEntry } from "../rules.ts";
import type { ScanHandler } from "../scan.ts";
import { Batch } from "./batch.ts";
import { Batches } from "./batches.ts";
import { createFile, writeAll } from "./write_file.ts";

/** After this many files, the small ones are written in batches. */
const BATCHES_FROM = 128;

/** Writes the entries that a scan passes to it. */
export class Writer implements ScanHandler, AsyncDisposable {
  readonly #root: string;
  readonly #folders = new Set<string>();
  readonly #links: SafeEntry[] = [];
  /** Of the last file or link. */
  #parent = "";
  #count = 0;
  #batches: Batches | undefined;
  /** The file that is being written here; undefined while its content is collected for a thread. */
  #current: { readonly entry: SafeEntry; readonly file: Deno.FsFile } | undefined;

  /** @param root the folder's absolute path */
  constructor(root: string) {
    this.#root = root;
  }

  onEntry(entry: SafeEntry): void {
    const { path, kind, executable } = entry;
    if (kind === "directory") this.#makeFolder(path);
    else this.#makeParent(path);
    if (kind === "symlink" || kind === "hardlink") this.#links.push(entry);
    if (kind !== "file") return;
    if (++this.#count > BATCHES_FROM && Batch.fits(entry)) {
      this.#batches ??= new Batches(this.#root);
      this.#batches.add(entry);
    } else {
      this.#current = { entry, file: attempt(entry, () => createFile(this.#root, path, executable)) };
    }
  }

  onData(bytes: Uint8Array, start: number, end: number): void {
    const current = this.#current;
    if (current === undefined) this.#batches!.append(bytes, start, end);
    else attempt(current.entry, () => writeAll(current.file, bytes.subarray(start, end)));
  }

  onEnd(): void {
    if (this.#current === undefined) return;
    const { entry: { mtime }, file } = this.#current;
    this.#current = undefined;
    file.utimeSync(mtime, mtime);
    file.close();
  }

  ready(): Promise<void> | undefined {
    return this.#batches?.ready();
  }

  /**
   * Waits for the threads and creates the links.
   *
   * @throws {ArchiveError} if a file or a link can't be written; the reason names it
   */
  async finish(): Promise<void> {
    await this.#batches?.finish();
    for (const entry of this.#links) {
      const { path, kind, target } = entry;
      attempt(entry, () => {
        if (kind === "symlink") Deno.symlinkSync(target, `${this.#root}/${path}`);
        else Deno.linkSync(`${this.#root}/${target}`, `${this.#root}/${path}`);
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#current?.file.close();
    await this.#batches?.[Symbol.asyncDispose]();
  }

  /** Makes the folder of a file: mostly that of the last one. */
  #makeParent(path: string): void {
    const end = path.lastIndexOf("/");
    if (end < 0 || (end === this.#parent.length && path.startsWith(this.#parent))) return;
    this.#parent = path.slice(0, end);
    this.#makeFolder(this.#parent);
  }

  #makeFolder(path: string): void {
    if (path === "" || this.#folders.has(path)) return;
    this.#folders.add(path);
    attempt({ path }, () => Deno.mkdirSync(`${this.#root}/${path}`, { recursive: true }));
  }
}

function attempt<T>({ path }: Pick<SafeEntry, "path">, write: () => T): T {
  try {
    return write();
  } catch (cause) {
    throw new ArchiveError(`can't be unpacked: '${path}' can't be written: ${reasonOf(cause)}`, { cause });
  }
}
