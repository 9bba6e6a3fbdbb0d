/**
 * The note that `unpack` leaves in a folder: which archive its content is from, so that what is served from it can be told.
 *
 * 1. It is no content: `package` leaves it out, and it is not unpacked from an archive that has one.
 * 2. It is believed only while the folder holds what the archive held, by the SHA-256 of all files. What runs leave there is no
 *    difference: compiled Python, environments, logs.
 * 3. It is no proof: whoever can write to the folder can write the note. A signature is of the archive.
 */

import { createHash, type Hash } from "node:crypto";
import { whyLeftOver } from "./collect.ts";
import { changeOf } from "./content.ts";
import { joinPath, type Manifest, WHEELS_FOLDER } from "./manifest.ts";
import { ORIGIN_NAME } from "./origin_name.ts";
import type { SafeEntry } from "./rules.ts";
import type { ScanHandler } from "./scan.ts";

const READ_BYTES = 1024 * 1024;
/** How much of the list of files is digested at once, in characters. */
const DIGESTED_CHARACTERS = 64 * 1024;
/** A note is not longer, in bytes: it names no more than what lies where runs leave things. */
const MAX_NOTE_BYTES = 4 * 1024 * 1024;

/** What the note says. */
interface Note {
  /** The archive's file name; null if it came from standard input. */
  readonly archive: string | null;
  /** Of the archive's bytes, in hexadecimal digits. */
  readonly sha256: string;
  /** Of what it held, see {@linkcode digestOf}. */
  readonly content: string;
  /** The same without its wheels: an image has no need of them once they are installed. */
  readonly withoutWheels?: string | undefined;
  /** Paths that it held where runs leave things. */
  readonly also: readonly string[];
}

/** What files and links hold, by path: a kind, and a digest or a target. */
type Content = ReadonlyMap<string, string>;

/** Notes what an archive holds while it is unpacked by another handler. */
export class OriginRecorder implements ScanHandler {
  readonly #writer: ScanHandler;
  readonly #content = new Map<string, string>();
  #path = "";
  #hash: Hash | undefined;

  constructor(writer: ScanHandler) {
    this.#writer = writer;
  }

  onEntry(entry: SafeEntry): void {
    this.#writer.onEntry?.(entry);
    const { path, kind, target } = entry;
    this.#path = path;
    this.#hash = kind === "file" ? createHash("sha256") : undefined;
    if (kind === "symlink") this.#content.set(path, linkTo(target));
    // It names a file that came before it.
    else if (kind === "hardlink") this.#content.set(path, this.#content.get(target) ?? "");
  }

  onData(bytes: Uint8Array): void {
    this.#hash?.update(bytes);
    this.#writer.onData?.(bytes);
  }

  onEnd(): void {
    if (this.#hash !== undefined) this.#content.set(this.#path, fileOf(this.#hash));
    this.#writer.onEnd?.();
  }

  ready(): Promise<void> | undefined {
    return this.#writer.ready?.();
  }

  /** Writes the note into the folder. @param archive its path, or `-` */
  write(root: string, archive: string, { manifest, sha256 }: { readonly manifest: Manifest; readonly sha256: string }) {
    const content = digestOf(this.#content);
    const others = [...this.#content].filter(([path]) => !isWheel(path));
    const note: Note = {
      archive: archive === "-" ? null : archive.slice(archive.lastIndexOf("/") + 1),
      sha256,
      content,
      withoutWheels: others.length === this.#content.size ? content : digestOf(new Map(others)),
      also: [...this.#content.keys()].filter(leftByRuns(root, manifest)).sort(),
    };
    Deno.writeTextFileSync(`${root}/${ORIGIN_NAME}`, `${JSON.stringify(note, null, 2)}\n`);
  }
}

/** Where an unpacked folder is from. */
export class Origin {
  readonly #root: string;
  readonly #manifest: Manifest;
  readonly #note: Note;
  /** What was seen of the files when they were compared last. */
  #seen: string | undefined;
  #holds: boolean | undefined;
  #checking: Promise<boolean> = Promise.resolve(false);

  private constructor(root: string, manifest: Manifest, note: Note) {
    this.#root = root;
    this.#manifest = manifest;
    this.#note = note;
  }

  /** Reads the note of a folder; undefined if it has none. */
  static read(root: string, manifest: Manifest): Origin | undefined {
    const note = readNote(`${root}/${ORIGIN_NAME}`);
    return note && new Origin(Deno.realPathSync(root), manifest, note);
  }

  /** The archive's file name; undefined if it came from standard input. */
  get archive(): string | undefined {
    return this.#note.archive ?? undefined;
  }

  /** Of the archive's bytes, in hexadecimal digits: to be told only while it {@linkcode holds}. */
  get sha256(): string {
    return this.#note.sha256;
  }

  /** Whether the folder held what the archive held when that was looked at last; undefined if it was not. */
  get holds(): boolean | undefined {
    return this.#holds;
  }

  /** Looks again. Files are read only if something tells that they were written to. */
  check(): Promise<boolean> {
    this.#checking = this.#checking.then(() => this.#check());
    return this.#checking;
  }

  async #check(): Promise<boolean> {
    try {
      const before = await this.#walk();
      if (before.seen === this.#seen && this.#holds !== undefined) return this.#holds;
      const content = new Map<string, string>();
      for (const [path, what] of before.found) {
        content.set(path, what ?? fileOf(await hashOf(`${this.#root}/${path}`)));
      }
      // What was written to while it was read may be anything.
      const { seen } = await this.#walk();
      this.#seen = seen;
      // Either all wheels are there, or none is.
      const { content: whole, withoutWheels = whole } = this.#note;
      const expected = [...content.keys()].some(isWheel) ? whole : withoutWheels;
      this.#holds = seen === before.seen && digestOf(content) === expected;
    } catch {
      // What can't be read can't be told of.
      this.#seen = undefined;
      this.#holds = false;
    }
    return this.#holds;
  }

  /** Files and links: what a link leads to; undefined for a file, which is to be read. */
  async #walk(): Promise<{ found: Map<string, string | undefined>; seen: string }> {
    const found = new Map<string, string | undefined>();
    const hash = createHash("sha256");
    const also = new Set(this.#note.also);
    const folders = foldersOfRuns(this.#manifest);
    const walk = async (folder: string, ofRuns: boolean) => {
      const children: Deno.DirEntry[] = [];
      for await (const child of Deno.readDir(`${this.#root}/${folder}`)) children.push(child);
      children.sort((a, b) => a.name < b.name ? -1 : 1);
      for (const { name, isDirectory, isFile, isSymlink } of children) {
        const path = folder === "" ? name : `${folder}/${name}`;
        if (path === ORIGIN_NAME) continue;
        const left = ofRuns || isLeft(this.#root, path, isDirectory, folders);
        if (isDirectory) {
          await walk(path, left);
          continue;
        }
        if (left && !also.has(path)) continue;
        const source = `${this.#root}/${path}`;
        const info = await Deno.lstat(source);
        hash.update(JSON.stringify([path, info.size, changeOf(info)]));
        found.set(path, isSymlink ? linkTo(await Deno.readLink(source)) : isFile ? undefined : "other");
      }
    };
    await walk("", false);
    return { found, seen: hash.digest("hex") };
  }
}

/** Tells of the paths of files in a folder whether they lie where runs leave things. */
function leftByRuns(root: string, manifest: Manifest): (path: string) => boolean {
  const written = foldersOfRuns(manifest);
  const folders = new Map<string, boolean>([["", false]]);
  const isFolderOfRuns = (path: string): boolean => {
    let known = folders.get(path);
    if (known === undefined) {
      folders.set(path, known = isFolderOfRuns(parentOf(path)) || isLeft(root, path, true, written));
    }
    return known;
  };
  return (path) => isFolderOfRuns(parentOf(path)) || isLeft(root, path, false, written);
}

/** Whether what lies at a path is left by runs, as far as its own name says so. */
function isLeft(root: string, path: string, isDirectory: boolean, written: ReadonlySet<string>): boolean {
  return written.has(path) ||
    whyLeftOver(root, path, path.slice(path.lastIndexOf("/") + 1), isDirectory) !== undefined;
}

/** The folders that runs write to, by the manifest. */
function foldersOfRuns({ logDirectory, tensorboardDirectory }: Manifest): ReadonlySet<string> {
  return new Set([joinPath(logDirectory), joinPath(tensorboardDirectory)]);
}

/** Whether a file is one of those that `package --bundle-wheels` adds. */
function isWheel(path: string): boolean {
  return path.startsWith(`${WHEELS_FOLDER}/`);
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

function linkTo(target: string): string {
  return `link ${target}`;
}

function fileOf(hash: Hash): string {
  return `file ${hash.digest("hex")}`;
}

/** One digest for all, whatever their order. */
function digestOf(content: Content): string {
  const hash = createHash("sha256");
  // In pieces: to call the hash for each of thousands of paths takes longer than the hash.
  let lines = "";
  for (const path of [...content.keys()].sort()) {
    lines += `${JSON.stringify([path, content.get(path)])}\n`;
    if (lines.length < DIGESTED_CHARACTERS) continue;
    hash.update(lines);
    lines = "";
  }
  hash.update(lines);
  return hash.digest("hex");
}

async function hashOf(path: string): Promise<Hash> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  const space = new Uint8Array(READ_BYTES);
  for (let count = await file.read(space); count !== null; count = await file.read(space)) {
    hash.update(space.subarray(0, count));
  }
  return hash;
}

/** A note that can be believed to be one. */
function readNote(path: string): Note | undefined {
  try {
    if (Deno.lstatSync(path).size > MAX_NOTE_BYTES) return undefined;
    const { archive, sha256, content, withoutWheels, also } = JSON.parse(Deno.readTextFileSync(path));
    const isDigest = (value: unknown) => typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
    const isName = archive === null || (typeof archive === "string" && archive !== "" && !archive.includes("/"));
    if (!isName || !isDigest(sha256) || !isDigest(content) || !Array.isArray(also)) return undefined;
    return {
      archive,
      sha256,
      content,
      withoutWheels: isDigest(withoutWheels) ? withoutWheels : undefined,
      also: also.map(String),
    };
  } catch {
    // There is none, or it is something else.
    return undefined;
  }
}
