/** Finds the Python of a base in its layers, without unpacking them. */

import { gunzip } from "./gunzip.ts";
import { TarDecoder } from "../archive/tar/decode.ts";
import { ArchiveError } from "../archive/mod.ts";
import { ImageError } from "./errors.ts";
import type { BaseLayer } from "./store.ts";

/** A Python in an image. */
export interface BasePython {
  /** Its absolute path, such as `/usr/local/bin/python3.12`. */
  readonly path: string;
  /** Such as `3.12`. */
  readonly version: string;
}

/** The paths on which programs of the name `python3` are looked for if the base sets no `PATH`. */
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const MAX_LINKS = 10;
const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";

/** A Python by its path, as `--base-python` names it; undefined if the path does not end with `pythonX.Y`. */
export function pythonAt(path: string): BasePython | undefined {
  const [, version] = /^\/(?:[^/]+\/)*python(3\.\d+)$/.exec(path) ?? [];
  return version === undefined ? undefined : { path, version };
}

/** Collects the names of Pythons that layers contain, the lowest layer first. */
export class PythonFinder {
  /** Paths without a leading slash; the value is a link's target, undefined for a file. */
  readonly #found = new Map<string, string | undefined>();
  /** Layers that can't be searched, by their media types. */
  readonly unread: string[] = [];

  /** Searches a layer. @param label names the base in errors @throws {ImageError} if the layer is damaged */
  async search({ descriptor: { mediaType, digest }, content }: BaseLayer, label: string): Promise<void> {
    const compression = mediaType.split("+")[1];
    if (content === undefined || !mediaType.includes(".tar") || (compression !== undefined && compression !== "gzip")) {
      this.unread.push(mediaType);
      return;
    }
    const before = new Map(this.#found);
    const decoder = new TarDecoder({
      onEntry: ({ path, kind, target }) => this.#enter(before, path.replace(/^(?:\.?\/)+|\/+$/g, ""), kind, target),
      onData() {},
      onEnd() {},
    });
    try {
      if (compression === undefined) { for (const chunk of content.read()) decoder.push(chunk); }
      else for await (const chunk of gunzip(content)) decoder.push(chunk);
    } catch (error) {
      if (!(error instanceof ArchiveError)) throw error;
      throw new ImageError(`The layer ${digest} of the base ${label} ${error.reason}`, { cause: error });
    }
  }

  /** @param before what lower layers contain, which whiteouts hide */
  #enter(before: ReadonlyMap<string, unknown>, path: string, kind: string, target: string): void {
    const slash = path.lastIndexOf("/") + 1;
    const [folder, name] = [path.slice(0, slash), path.slice(slash)];
    if (name === OPAQUE) this.#hide(before, folder);
    else if (name.startsWith(WHITEOUT)) {
      const hidden = `${folder}${name.slice(WHITEOUT.length)}`;
      this.#hide(before, `${hidden}/`);
      if (before.has(hidden)) this.#found.delete(hidden);
    } else if (/^python3(?:\.\d+)?$/.test(name) && kind !== "directory") {
      this.#found.set(path, kind === "symlink" ? target : kind === "hardlink" ? `/${target}` : undefined);
    }
  }

  #hide(before: ReadonlyMap<string, unknown>, folder: string): void {
    for (const path of before.keys()) if (path.startsWith(folder)) this.#found.delete(path);
  }

  /** The first Python on a search path; undefined if there is none, or its name has no version. */
  find(searchPath: string = DEFAULT_PATH): BasePython | undefined {
    for (const folder of searchPath.split(":")) {
      let path = new URL(`${folder}/python3`, "file:///").pathname.slice(1);
      for (let i = 0; i < MAX_LINKS && this.#found.get(path) !== undefined; i++) {
        path = new URL(encodeURI(this.#found.get(path)!), `file:///${encodeURI(path)}`).pathname.slice(1);
      }
      if (!this.#found.has(path)) continue;
      const python = pythonAt(`/${path}`);
      if (python !== undefined) return python;
    }
    return undefined;
  }
}

/** Searches the layers of a base for its Python. @throws {ImageError} if there is none, or a layer is damaged */
export async function findPython(
  { layers, label, searchPath }: {
    readonly layers: readonly BaseLayer[];
    readonly label: string;
    readonly searchPath: string | undefined;
  },
): Promise<BasePython> {
  const finder = new PythonFinder();
  for (const layer of layers) await finder.search(layer, label);
  const python = finder.find(searchPath);
  if (python !== undefined) return python;
  const unread = finder.unread.length === 0
    ? ""
    : ` (layers of these types were not searched: ${[...new Set(finder.unread)].join(", ")})`;
  throw new ImageError(
    `No python3 was found on the PATH of the base ${label}${unread}: choose a base with Python, or name its Python with ` +
      "--base-python, such as /usr/local/bin/python3.12",
  );
}
