/**
 * The rules that make an archive safe to unpack: no entry lands outside the folder, no entry replaces another one, and the
 * content stays within the limits.
 *
 * 1. An entry is checked before a byte of it is written.
 * 2. When all entries are known, links are followed as the system will follow them, through the archive's other links. Links are
 *    therefore created last.
 */

import { ArchiveError } from "./errors.ts";
import { checkLinks } from "./links.ts";
import { joinPath } from "./manifest.ts";
import { ORIGIN_NAME } from "./origin_name.ts";
import type { NewEntry } from "./tar/encode.ts";
import type { TarEntry } from "./tar/entry.ts";

/** The limits on an archive's content. */
export interface Limits {
  /** @default 200_000 */
  readonly maxEntries: number;
  /** The most bytes of all files together. @default 1 TiB */
  readonly maxSize: number;
  /** The largest ratio of content to archive, in bytes; applies to content over 64 MiB. @default 200 */
  readonly maxRatio: number;
}

/** The limits that apply where the command line names no others; sizes are in bytes. */
export const DEFAULT_LIMITS: Limits = { maxEntries: 200_000, maxSize: 2 ** 40, maxRatio: 200 };

/** A decompression bomb with less content than this does no harm. */
const RATIO_FROM_BYTES = 64 * 2 ** 20;

/** Of characters. */
const DOT = 0x2e;
const SLASH = 0x2f;
const CAPITAL_A = 0x41;
const CAPITAL_Z = 0x5a;

/** An entry that passed the checks. */
export interface SafeEntry {
  /** Relative to the archive's root, without `.`, `..`, `//`, or slashes at its ends. */
  readonly path: string;
  readonly kind: "file" | "directory" | "symlink" | "hardlink";
  /** In bytes; 0 for anything but a file. */
  readonly size: number;
  readonly executable: boolean;
  /** In seconds since 1970. */
  readonly mtime: number;
  /** For a symlink, its text; for a hardlink, a path relative to the archive's root; otherwise empty. */
  readonly target: string;
}

/** The kind of entry at a path; `implied` is a folder without an entry of its own, at least so far. */
type Place = SafeEntry["kind"] | "implied";

/** Checks an archive's entries, in their order. */
export class Rules {
  readonly #limits: Limits;
  readonly #places = new Map<string, Place>();
  /** Paths by their form on a case-insensitive file system, where that is a different one. */
  readonly #folded = new Map<string, string>();
  /** The folder of the latest entry: it and all folders above it were checked. */
  #parent = "";
  readonly #links = new Map<string, string>();
  #entries = 0;
  #bytes = 0;

  constructor(limits: Limits = DEFAULT_LIMITS) {
    this.#limits = limits;
  }

  /** The number of entries checked so far, and the bytes of their content. */
  get counted(): { readonly entries: number; readonly bytes: number } {
    return { entries: this.#entries, bytes: this.#bytes };
  }

  /**
   * Checks an entry.
   *
   * @returns undefined for an entry that is not unpacked: the root itself, a `._` file of macOS, or the note that `unpack` leaves
   * @throws {ArchiveError} if the entry breaks a rule; the reason names it
   */
  check(entry: TarEntry): SafeEntry | undefined {
    if (++this.#entries > this.#limits.maxEntries) {
      throw new ArchiveError(
        `has more than ${this.#limits.maxEntries} entries; if you trust it, raise --max-entries`,
      );
    }
    this.#bytes += entry.size;
    if (this.#bytes > this.#limits.maxSize) {
      throw new ArchiveError(
        `unpacks to more than ${this.#limits.maxSize} bytes, with '${entry.path}'; if you trust it, raise --max-size`,
      );
    }
    const path = normalize(entry.path);
    if (path === "") {
      if (entry.kind === "directory") return undefined;
      throw new ArchiveError(`contains a ${entry.kind} named '${entry.path}', which only a folder can be`);
    }
    const kind = kindOf(entry);
    if (isAppleDouble(path) || path === ORIGIN_NAME) return undefined;
    this.#enterParents(path);
    this.#enter(path, kind);
    const target = this.#checkTarget(path, kind, entry);
    return { path, kind, size: entry.size, executable: (entry.mode & 0o100) !== 0, mtime: entry.mtime, target };
  }

  /** Checks an entry before it is written, as a reader of the archive will. @throws {ArchiveError} whose reason names the entry */
  checkNew({ path, kind, size, executable, target }: NewEntry): void {
    this.check({ path, kind, size, mode: executable ? 0o755 : 0o644, mtime: 0, target });
  }

  /** Compares the bytes unpacked so far with the bytes read. @throws {ArchiveError} if the ratio is that of a bomb */
  checkRatio(unpacked: number, packed: number): void {
    if (unpacked > RATIO_FROM_BYTES && unpacked > packed * this.#limits.maxRatio) {
      throw new ArchiveError(
        `unpacks to more than ${this.#limits.maxRatio} times its size, as a bomb does; if you trust it, raise --max-ratio`,
      );
    }
  }

  /** Checks all links; call it after the last entry. @throws {ArchiveError} if one leads out of the archive, or in a circle */
  finish(): void {
    checkLinks(this.#links, leadsOut);
  }

  #enterParents(path: string): void {
    const end = path.lastIndexOf("/");
    if (end < 0 || (end === this.#parent.length && path.startsWith(this.#parent))) return;
    for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", slash + 1)) {
      const parent = path.slice(0, slash);
      const place = this.#places.get(parent);
      if (place === "symlink") throw new ArchiveError(`contains '${path}' below '${parent}', which is a link`);
      if (place === "file" || place === "hardlink") {
        throw new ArchiveError(`contains '${path}' below '${parent}', which is a file`);
      }
      if (place === undefined) {
        this.#places.set(parent, "implied");
        this.#fold(parent);
      }
    }
    this.#parent = path.slice(0, end);
  }

  #enter(path: string, kind: SafeEntry["kind"]): void {
    if (kind === "directory" && this.#places.get(path) === "implied") {
      this.#places.set(path, kind);
      return;
    }
    const count = this.#places.size;
    this.#places.set(path, kind);
    // One look-up per entry: the number of places tells whether the path is a new one.
    if (this.#places.size === count) throw new ArchiveError(`contains '${path}' twice`);
    this.#fold(path);
  }

  #fold(path: string): void {
    const folded = isFolded(path) ? path : path.normalize("NFC").toLowerCase();
    const other = this.#folded.get(folded) ?? (folded !== path && this.#places.has(folded) ? folded : undefined);
    if (other !== undefined) {
      throw new ArchiveError(`contains '${path}' and '${other}', which collide on case-insensitive file systems`);
    }
    if (folded !== path) this.#folded.set(folded, path);
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
      throw new ArchiveError(`contains '${path}', a hard link to '${target}', but no earlier file of that name`);
    }
    return original;
  }
}

/** The kind of an entry. @throws {ArchiveError} for kinds that are never unpacked */
function kindOf({ path, kind }: TarEntry): SafeEntry["kind"] {
  switch (kind) {
    case "file":
    case "directory":
    case "symlink":
    case "hardlink":
      return kind;
    case "device":
    case "FIFO":
      throw new ArchiveError(`contains '${path}', a ${kind}: only files, folders and links can be unpacked`);
    case "sparse file":
    case "multi-volume file":
      throw new ArchiveError(
        `contains '${path}', a ${kind}, which is not supported: make the archive again without that option of tar`,
      );
  }
}

/** The path in its shortest form. @throws {ArchiveError} if it leads out of the archive, or contains a NUL byte */
function normalize(path: string): string {
  if (isNormal(path)) return path;
  if (path.startsWith("/")) throw new ArchiveError(`contains '${path}', an absolute path`);
  if (path.includes("\0")) throw new ArchiveError(`contains ${JSON.stringify(path)}, a path with a NUL byte`);
  if (path.split("/").includes("..")) throw new ArchiveError(`contains '${path}', a path with '..'`);
  return joinPath(path);
}

/** Fast path for nearly all paths: whether normalizing it would change nothing, by a look at each character. */
function isNormal(path: string): boolean {
  let before = SLASH;
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code === 0 || (before === SLASH && (code === SLASH || code === DOT))) return false;
    before = code;
  }
  return before !== SLASH;
}

/** Fast path: whether a path is ASCII without capital letters, which folding does not change. */
function isFolded(path: string): boolean {
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code >= 0x80 || (code >= CAPITAL_A && code <= CAPITAL_Z)) return false;
  }
  return true;
}

/** Whether it is a file that macOS's tar adds for another file's attributes: `._name` beside `name`. */
function isAppleDouble(path: string): boolean {
  return path.startsWith("._", path.lastIndexOf("/") + 1);
}

function leadsOut(path: string, target: string): ArchiveError {
  return new ArchiveError(`contains '${path}', a link that leads out of the archive, to '${target}'`);
}
