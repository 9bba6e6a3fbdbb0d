/**
 * The note that `unpack` leaves in a folder: the archive's name and SHA-256, which `serve` reports for what it serves.
 *
 * 1. The note is not content: `package` leaves it out, and `unpack` ignores one in an archive.
 * 2. It counts only while the folder has the archive's content, by the SHA-256 of all files. Files that runs leave there are
 *    ignored: compiled Python, environments, logs.
 * 3. It proves nothing: anyone who can write to the folder can forge it. Only a signature covers the archive.
 */

import { createHash, type Hash } from "node:crypto";
import { changeOf } from "./content.ts";
import { digestOf, fileOf, linkTo, OTHER } from "./content_digest.ts";
import { exists } from "../files.ts";
import { foldersOfRuns, isLeft } from "./left_by_runs.ts";
import { type Manifest, WHEELS_FOLDER } from "./manifest.ts";
import { ORIGIN_NAME } from "./origin_name.ts";

const READ_BYTES = 1024 * 1024;
/** The longest note that is read, in bytes. */
const MAX_NOTE_BYTES = 4 * 1024 * 1024;

/** The note in the form that it has as JSON. */
export interface Note {
  /** The archive's file name; null if it came from standard input. */
  readonly archive: string | null;
  /** The SHA-256 of the archive's bytes, in hexadecimal digits. */
  readonly sha256: string;
  /** The digest of the archive's content, see {@linkcode digestOf}. */
  readonly content: string;
  /** The digest without the wheels: images remove these once they are installed. */
  readonly withoutWheels?: string | undefined;
  /** Paths of the archive that look like files that runs leave; they do count as content. */
  readonly also: readonly string[];
}

/** The note of an unpacked folder, and whether it still applies. */
export class Origin {
  readonly #root: string;
  readonly #manifest: Manifest;
  readonly #note: Note;
  /** The metadata of all files at the last comparison. */
  #seen: string | undefined;
  #holds: boolean | undefined;
  #checking: Promise<boolean> = Promise.resolve(false);

  private constructor(root: string, manifest: Manifest, note: Note) {
    this.#root = root;
    this.#manifest = manifest;
    this.#note = note;
  }

  /** Reads the note of a folder; undefined without a valid one. */
  static read(root: string, manifest: Manifest): Origin | undefined {
    const note = readNote(`${root}/${ORIGIN_NAME}`);
    return note && new Origin(Deno.realPathSync(root), manifest, note);
  }

  /** The archive's file name; undefined if it came from standard input. */
  get archive(): string | undefined {
    return this.#note.archive ?? undefined;
  }

  /** The archive's SHA-256, in hexadecimal digits; only true of the folder while it {@linkcode holds}. */
  get sha256(): string {
    return this.#note.sha256;
  }

  /** Whether the folder had the archive's content at the last {@linkcode check}; undefined before the first one. */
  get holds(): boolean | undefined {
    return this.#holds;
  }

  /** Compares the folder with the archive's content. Reads files only if their metadata has changed since the last time. */
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
        content.set(path, what ?? fileOf((await hashOf(`${this.#root}/${path}`)).digest("hex")));
      }
      // A file that changed while it was read has an unknown content.
      const { seen } = await this.#walk();
      this.#seen = seen;
      // Only two contents are valid: with all wheels, or with none.
      const { content: whole, withoutWheels = whole } = this.#note;
      const expected = [...content.keys()].some(isWheel) ? whole : withoutWheels;
      this.#holds = seen === before.seen &&
        digestOf([...content.keys()].sort(), (path) => content.get(path)!) === expected;
    } catch {
      // Without reading everything, nothing can be claimed.
      this.#seen = undefined;
      this.#holds = false;
    }
    return this.#holds;
  }

  /** Lists files and links, and their metadata. A link has its target as the value, a file undefined: its content is not read yet. */
  async #walk(): Promise<{ found: Map<string, string | undefined>; seen: string }> {
    const found = new Map<string, string | undefined>();
    const hash = createHash("sha256");
    const also = new Set(this.#note.also);
    const folders = foldersOfRuns(this.#manifest);
    const hasPath = (path: string) => exists(`${this.#root}/${path}`);
    const walk = async (folder: string, ofRuns: boolean) => {
      const children: Deno.DirEntry[] = [];
      for await (const child of Deno.readDir(`${this.#root}/${folder}`)) children.push(child);
      children.sort((a, b) => a.name < b.name ? -1 : 1);
      for (const { name, isDirectory, isFile, isSymlink } of children) {
        const path = folder === "" ? name : `${folder}/${name}`;
        if (path === ORIGIN_NAME) continue;
        const left = ofRuns || isLeft(path, isDirectory, folders, hasPath);
        if (isDirectory) {
          await walk(path, left);
          continue;
        }
        if (left && !also.has(path)) continue;
        const source = `${this.#root}/${path}`;
        const info = await Deno.lstat(source);
        hash.update(JSON.stringify([path, info.size, changeOf(info)]));
        found.set(path, isSymlink ? linkTo(await Deno.readLink(source)) : isFile ? undefined : OTHER);
      }
    };
    await walk("", false);
    return { found, seen: hash.digest("hex") };
  }
}

/** Whether a file is one of those that `package --bundle-wheels` adds. */
export function isWheel(path: string): boolean {
  return path.startsWith(`${WHEELS_FOLDER}/`);
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

/** Reads a note; undefined if the file does not exist or does not have the form of one. */
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
    // There is no note, or the file is something else.
    return undefined;
  }
}
