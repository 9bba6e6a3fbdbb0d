/**
 * What an archive's entries must obey, so that unpacking them can't harm: nothing lands outside of the folder, nothing is
 * hidden behind a name that is used twice, and nothing is larger than was agreed.
 *
 * 1. An entry is checked before a byte of it is written.
 * 2. Links are followed as the system will, through the archive's other links, when all entries are known; so they are made last.
 */

import { ArchiveError } from "./errors.ts";
import { checkLinks } from "./links.ts";
import { joinPath } from "./manifest.ts";
import { ORIGIN_NAME } from "./origin_name.ts";
import type { NewEntry } from "./tar/encode.ts";
import type { TarEntry } from "./tar/entry.ts";

/** How much an archive may be. */
export interface Limits {
  /** @default 200_000 */
  readonly maxEntries: number;
  /** Of all files together, in bytes. @default 1 TiB */
  readonly maxSize: number;
  /** How many times larger than the archive its content may be, once it is over 64 MiB. @default 200 */
  readonly maxRatio: number;
}

/** The limits that apply where the command line names no others; sizes are in bytes. */
export const DEFAULT_LIMITS: Limits = { maxEntries: 200_000, maxSize: 2 ** 40, maxRatio: 200 };

/** Below this much content, a bomb is none. */
const RATIO_FROM_BYTES = 64 * 2 ** 20;

/** An entry that was found good. */
export interface SafeEntry {
  /** From the archive's root, without `.`, `..`, `//` and slashes at its ends. */
  readonly path: string;
  readonly kind: "file" | "directory" | "symlink" | "hardlink";
  readonly size: number;
  readonly executable: boolean;
  /** In seconds since 1970. */
  readonly mtime: number;
  /** For a symlink, as it is written; for a hardlink, the path from the archive's root. */
  readonly target: string;
}

/** What is at a path; `implied` is a folder that has no entry of its own, or none yet. */
type Place = SafeEntry["kind"] | "implied";

/** Checks an archive's entries, in their order. */
export class Rules {
  readonly #limits: Limits;
  readonly #places = new Map<string, Place>();
  /** Names as a file system would see them that does not tell large from small letters. */
  readonly #folded = new Map<string, string>();
  readonly #links = new Map<string, string>();
  #entries = 0;
  #bytes = 0;

  constructor(limits: Limits = DEFAULT_LIMITS) {
    this.#limits = limits;
  }

  /** Entries, and bytes of content, up to now. */
  get counted(): { readonly entries: number; readonly bytes: number } {
    return { entries: this.#entries, bytes: this.#bytes };
  }

  /**
   * Checks an entry.
   *
   * @returns undefined for one that is not to be unpacked: the root itself, the `._` files of macOS, and what `unpack` notes
   * @throws {ArchiveError} which names the entry
   */
  check(entry: TarEntry): SafeEntry | undefined {
    if (++this.#entries > this.#limits.maxEntries) {
      throw new ArchiveError(`It has more than ${this.#limits.maxEntries} entries (--max-entries)`);
    }
    this.#bytes += entry.size;
    if (this.#bytes > this.#limits.maxSize) {
      throw new ArchiveError(`'${entry.path}' makes it larger than ${this.#limits.maxSize} bytes (--max-size)`);
    }
    const path = normalize(entry.path);
    if (path === "") {
      if (entry.kind === "directory") return undefined;
      throw new ArchiveError(`'${entry.path}' is no name for a ${entry.kind}`);
    }
    const kind = kindOf(entry);
    if (isAppleDouble(path) || path === ORIGIN_NAME) return undefined;
    this.#enterParents(path);
    this.#enter(path, kind);
    const target = this.#checkTarget(path, kind, entry);
    return { path, kind, size: entry.size, executable: (entry.mode & 0o100) !== 0, mtime: entry.mtime, target };
  }

  /** The same for an entry that is to be written: whoever reads it will check it so. @throws {ArchiveError} which names it */
  checkNew({ path, kind, size, executable, target }: NewEntry): void {
    this.check({ path, kind, size, mode: executable ? 0o755 : 0o644, mtime: 0, target });
  }

  /** Checks how much came out of how many bytes. @throws {ArchiveError} if that is a bomb */
  checkRatio(unpacked: number, packed: number): void {
    if (unpacked > RATIO_FROM_BYTES && unpacked > packed * this.#limits.maxRatio) {
      throw new ArchiveError(
        `It grows to more than ${this.#limits.maxRatio} times its size, as bombs do (--max-ratio)`,
      );
    }
  }

  /** To be called when all entries are known. @throws {ArchiveError} if a link leads out */
  finish(): void {
    checkLinks(this.#links, leadsOut);
  }

  #enterParents(path: string): void {
    for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", slash + 1)) {
      const parent = path.slice(0, slash);
      const place = this.#places.get(parent);
      if (place === "symlink") throw new ArchiveError(`'${path}' would be written through the link '${parent}'`);
      if (place === "file" || place === "hardlink") {
        throw new ArchiveError(`'${path}' lies in '${parent}', which is a file`);
      }
      if (place === undefined) {
        this.#places.set(parent, "implied");
        this.#fold(parent);
      }
    }
  }

  #enter(path: string, kind: SafeEntry["kind"]): void {
    const place = this.#places.get(path);
    if (place !== undefined && !(place === "implied" && kind === "directory")) {
      throw new ArchiveError(`'${path}' is in it twice`);
    }
    this.#places.set(path, kind);
    if (place === undefined) this.#fold(path);
  }

  #fold(path: string): void {
    const folded = path.normalize("NFC").toLowerCase();
    const other = this.#folded.get(folded);
    if (other !== undefined) {
      throw new ArchiveError(`'${path}' and '${other}' are the same name on systems that do not tell cases apart`);
    }
    this.#folded.set(folded, path);
  }

  #checkTarget(path: string, kind: SafeEntry["kind"], { target }: TarEntry): string {
    if (kind === "symlink") {
      if (target === "" || target.startsWith("/")) throw leadsOut(path, target);
      this.#links.set(path, target);
      return target;
    }
    if (kind !== "hardlink") return "";
    if (target.startsWith("/") || target.split("/").includes("..")) throw leadsOut(path, target);
    const original = normalize(target);
    const place = this.#places.get(original);
    if (original === path || (place !== "file" && place !== "hardlink")) {
      throw new ArchiveError(`'${path}' is a link to '${target}', which is no file that comes before it`);
    }
    return original;
  }
}

/** @throws {ArchiveError} for what is never unpacked */
function kindOf({ path, kind }: TarEntry): SafeEntry["kind"] {
  switch (kind) {
    case "file":
    case "directory":
    case "symlink":
    case "hardlink":
      return kind;
    case "device":
    case "FIFO":
      throw new ArchiveError(`'${path}' is a ${kind}, which has no place in a Model Archive`);
    case "sparse file":
    case "multi-volume file":
      throw new ArchiveError(
        `'${path}' is a ${kind}, which is not supported: make the archive again without that option`,
      );
  }
}

/** The path without what changes nothing. @throws {ArchiveError} if it leads out, or no file can have it */
function normalize(path: string): string {
  if (path.startsWith("/")) throw new ArchiveError(`'${path}' is an absolute path`);
  if (path.includes("\0")) throw new ArchiveError(`${JSON.stringify(path)} holds a zero`);
  if (path.split("/").includes("..")) throw new ArchiveError(`'${path}' leads out of the folder: it has '..'`);
  return joinPath(path);
}

/** What macOS's tar adds for a file's attributes: `._name` beside `name`. */
function isAppleDouble(path: string): boolean {
  return path.slice(path.lastIndexOf("/") + 1).startsWith("._");
}

function leadsOut(path: string, target: string): ArchiveError {
  return new ArchiveError(`'${path}' is a link that leads out of the folder, to '${target}'`);
}
