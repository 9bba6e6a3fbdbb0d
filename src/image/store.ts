/** Reads files of a base: from the folder of an OCI layout, or from a tar archive. */

import { ArchiveError } from "../archive/mod.ts";
import { TarDecoder } from "../archive/tar/decode.ts";
import type { TarEntry } from "../archive/tar/entry.ts";
import { reasonOf, UsageError } from "../errors.ts";
import { ImageError } from "./errors.ts";
import { type Descriptor, MAX_DOCUMENT_BYTES } from "./oci.ts";

/** A file of a base. */
export interface Stored {
  /** In bytes. */
  readonly size: number;
  /** Reads all of it, in chunks that are reused. @throws {ImageError} if the system can't */
  read(): Iterable<Uint8Array<ArrayBuffer>>;
}

/** The files of a base, by their paths relative to its root. */
export interface Store extends Disposable {
  /** What messages call the base: its path in quotes. */
  readonly label: string;
  /** Undefined if there is no such file. */
  find(path: string): Stored | undefined;
}

/** A layer of a base. */
export interface BaseLayer {
  readonly descriptor: Descriptor;
  /** Undefined for a layer that is to be downloaded from the URLs of its descriptor. */
  readonly content: Stored | undefined;
  /** The digest that the decompressed layer must have, where nothing else tells whether it is whole. */
  readonly diffId?: string;
}

const READ_BYTES = 1024 * 1024;
/** The most entries of a tar archive that is a base: it has one for each layer and document. */
const MAX_ENTRIES = 20_000;

/** Opens the files of a base. @throws {UsageError} if it does not exist @throws {ImageError} if it is no folder and no tar archive */
export function openStore(path: string): Store {
  const label = `'${path}'`;
  let isDirectory: boolean;
  try {
    ({ isDirectory } = Deno.statSync(path));
  } catch (cause) {
    throw new UsageError(`The base ${label} can't be read: ${reasonOf(cause)}`, { cause });
  }
  return isDirectory ? new FolderStore(path, label) : new TarStore(path, label);
}

/** Reads an index, a manifest or a configuration. @param what names it in errors @throws {ImageError} if it is too long */
export function readDocument(stored: Stored, what: string): Uint8Array {
  if (stored.size > MAX_DOCUMENT_BYTES) {
    throw new ImageError(`${what} has ${stored.size} bytes, more than the ${MAX_DOCUMENT_BYTES} that are read`);
  }
  const bytes = new Uint8Array(stored.size);
  let filled = 0;
  for (const chunk of stored.read()) {
    bytes.set(chunk, filled);
    filled += chunk.length;
  }
  return bytes;
}

class FolderStore implements Store {
  readonly label: string;
  readonly #root: string;

  constructor(root: string, label: string) {
    this.#root = root;
    this.label = label;
  }

  find(path: string): Stored | undefined {
    // A damaged manifest must not name files outside of the folder.
    const full = `${this.#root}/${normal(path)}`;
    try {
      const { isFile, size } = Deno.statSync(full);
      if (!isFile) return undefined;
      const { label } = this;
      return {
        size,
        *read() {
          using file = attempt(label, () => Deno.openSync(full));
          yield* readRange(file, 0, size, label);
        },
      };
    } catch (cause) {
      if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory) return undefined;
      throw unreadable(this.label, cause);
    }
  }

  [Symbol.dispose](): void {}
}

/** Where a file's content lies in a tar archive; for a link, the path that it leads to. */
type Place = { readonly offset: number; readonly size: number } | { readonly target: string };

class TarStore implements Store {
  readonly label: string;
  readonly #file: Deno.FsFile;
  readonly #places: ReadonlyMap<string, Place>;

  constructor(path: string, label: string) {
    this.label = label;
    this.#file = attempt(label, () => Deno.openSync(path));
    try {
      this.#places = indexOf(this.#file, label);
    } catch (error) {
      this.#file.close();
      if (!(error instanceof ArchiveError)) throw error;
      throw new ImageError(
        `The base ${label} is not an OCI layout, and no tar archive of an image either: it ${error.reason}. ` +
          "Decompress it, if it is compressed",
        { cause: error },
      );
    }
  }

  find(path: string): Stored | undefined {
    let place = this.#places.get(path);
    // Old archives of Docker contain a layer once, and links to it.
    if (place !== undefined && "target" in place) place = this.#places.get(place.target);
    if (place === undefined || "target" in place) return undefined;
    const { offset, size } = place;
    return { size, read: () => readRange(this.#file, offset, size, this.label) };
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/** Finds the files of a tar archive, and reads all of it for that. @throws {ArchiveError} if it is damaged */
function indexOf(file: Deno.FsFile, label: string): Map<string, Place> {
  const places = new Map<string, Place>();
  let read = 0;
  let current: TarEntry | undefined;
  const decoder = new TarDecoder({
    onEntry(entry) {
      if (places.size >= MAX_ENTRIES) {
        throw new ArchiveError(`contains more than ${MAX_ENTRIES} entries, as no image does`);
      }
      current = entry;
      const path = normal(entry.path);
      if (entry.kind === "symlink") {
        places.set(path, { target: normal(`${path.slice(0, path.lastIndexOf("/") + 1)}${entry.target}`) });
      } else if (entry.kind === "hardlink") places.set(path, { target: normal(entry.target) });
      else if (entry.kind === "file") places.set(path, { offset: 0, size: entry.size });
    },
    onData(_, start) {
      if (current === undefined) return;
      const offset = read + start;
      places.set(normal(current.path), { offset, size: current.size });
      current = undefined;
    },
    onEnd: () => current = undefined,
  });
  for (const chunk of readRange(file, 0, file.statSync().size, label)) {
    decoder.push(chunk);
    read += chunk.length;
  }
  decoder.finish();
  return places;
}

/** A path without `.`, `..` and leading slashes. */
function normal(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/");
}

function* readRange(
  file: Deno.FsFile,
  offset: number,
  size: number,
  label: string,
): Generator<Uint8Array<ArrayBuffer>> {
  const space = new Uint8Array(Math.min(READ_BYTES, size));
  for (let done = 0; done < size;) {
    const count = attempt(label, () => {
      file.seekSync(offset + done, Deno.SeekMode.Start);
      return file.readSync(space.subarray(0, Math.min(space.length, size - done)));
    });
    if (count === null) throw new ImageError(`The base ${label} became shorter while it was read: try again`);
    done += count;
    yield space.subarray(0, count);
  }
}

function attempt<T>(label: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    throw unreadable(label, cause);
  }
}

function unreadable(label: string, cause: unknown): ImageError {
  return new ImageError(`The base ${label} can't be read: ${reasonOf(cause)}`, { cause });
}
