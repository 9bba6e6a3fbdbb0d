/** Writes a layer: a tar archive that gzip compresses, whose bytes depend on nothing but its files. */

import { createHash } from "node:crypto";
import { GzipWriter } from "../archive/gzip/writer.ts";
import { encodeHeader, type NewEntry, TAR_END } from "../archive/tar/encode.ts";
import { paddingOf } from "../archive/tar/entry.ts";
import { type Descriptor, OCI } from "./oci.ts";

/** A layer that was written. */
export interface Layer {
  /** The file with the compressed layer. */
  readonly path: string;
  readonly descriptor: Descriptor;
  /** The digest of the tar archive before compression. */
  readonly diffId: string;
  /** What the layer contains, for the image's history. */
  readonly what: string;
}

/** How a layer is written. */
export interface LayerOptions {
  readonly path: string;
  readonly what: string;
  /** The time of all entries, in seconds since 1970. */
  readonly mtime: number;
  readonly signal: AbortSignal;
  /** About how many bytes follow: threads compress a large layer. */
  readonly bytes: number;
}

const LEVEL = 6;
/** With fewer bytes than this, starting threads takes longer than they save. */
const MIN_THREADED_BYTES = 8 * 2 ** 20;
const MAX_THREADS = 8;
const ENTRY: NewEntry = { path: "", kind: "file", size: 0, executable: false, target: "" };

/** A layer that is being written. Disposing it ends its threads; the file is left to its owner. */
export class LayerWriter implements Disposable {
  readonly #options: LayerOptions;
  readonly #file: Deno.FsFile;
  readonly #gzip: GzipWriter;
  readonly #plain = createHash("sha256");
  readonly #packed = createHash("sha256");
  readonly #folders = new Set<string>();
  #size = 0;

  constructor(options: LayerOptions) {
    this.#options = options;
    this.#file = Deno.openSync(options.path, { write: true, createNew: true, mode: 0o600 });
    this.#gzip = new GzipWriter({
      level: LEVEL,
      threads: options.bytes < MIN_THREADED_BYTES ? 0 : Math.min(MAX_THREADS, navigator.hardwareConcurrency),
      write: (bytes) => {
        this.#packed.update(bytes);
        this.#size += bytes.length;
        for (let done = 0; done < bytes.length;) done += this.#file.writeSync(bytes.subarray(done));
        return Promise.resolve();
      },
    });
  }

  /** Adds a folder and the folders above it. @param owner the user and group of the last one */
  async folder(path: string, owner = 0): Promise<void> {
    const slash = path.lastIndexOf("/");
    if (slash > 0 && !this.#folders.has(path.slice(0, slash))) await this.folder(path.slice(0, slash));
    if (this.#folders.has(path)) return;
    this.#folders.add(path);
    await this.#add(encodeHeader({ ...ENTRY, path, kind: "directory", owner }, this.#options.mtime));
  }

  /** Adds a symbolic link, and the folders above it. */
  async link(path: string, target: string): Promise<void> {
    await this.#parent(path);
    await this.#add(encodeHeader({ ...ENTRY, path, kind: "symlink", target }, this.#options.mtime));
  }

  /** Adds a file, and the folders above it. @throws {RangeError} if the content has another size */
  async file(
    { path, size, executable = false }: Pick<NewEntry, "path" | "size"> & { readonly executable?: boolean },
    content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  ): Promise<void> {
    await this.#parent(path);
    await this.#add(encodeHeader({ ...ENTRY, path, size, executable }, this.#options.mtime));
    let missing = size;
    for await (const bytes of content) {
      this.#options.signal.throwIfAborted();
      missing -= bytes.length;
      if (missing < 0) break;
      await this.#add(bytes);
    }
    if (missing !== 0) throw new RangeError(`'${path}' changed while it was read; try again`);
    await this.#add(new Uint8Array(paddingOf(size)));
  }

  /** Ends the layer. */
  async finish(): Promise<Layer> {
    await this.#add(TAR_END);
    await this.#gzip.close();
    const digest = `sha256:${this.#packed.digest("hex")}`;
    const { path, what } = this.#options;
    return {
      path,
      what,
      descriptor: { mediaType: `${OCI.layer}+gzip`, digest, size: this.#size },
      diffId: `sha256:${this.#plain.digest("hex")}`,
    };
  }

  async #parent(path: string): Promise<void> {
    const slash = path.lastIndexOf("/");
    if (slash > 0) await this.folder(path.slice(0, slash));
  }

  async #add(bytes: Uint8Array): Promise<void> {
    this.#plain.update(bytes);
    const full = this.#gzip.add(bytes);
    if (full !== undefined) await full;
  }

  [Symbol.dispose](): void {
    this.#gzip[Symbol.dispose]();
    this.#file.close();
  }
}
