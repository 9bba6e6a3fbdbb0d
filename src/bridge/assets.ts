/**
 * Lays out the embedded Python files on disk, where a Python can read them.
 *
 * A program that runs from sources uses them in place. The executable writes them once to the user's cache, under a name derived
 * from their content, and compares them at every start: if a file was changed, removed or added, it writes all of them again. It does not
 * use a cache that other users can write to.
 */

import { cacheDir } from "../cache/folder.ts";
import { distrustOfFolder, distrustOfTree } from "../cache/private.ts";
import { removeIfThere } from "../cache/shelf.ts";
import { makeTemporaryFolder, noticeOfPlace } from "../cache/temporary.ts";
import { printable } from "../printable.ts";
import { VERSION } from "../version.ts";

/** A Python file: its path relative to the folder on `sys.path`, and its content. */
type Asset = readonly [path: string, content: Uint8Array<ArrayBuffer>];

/** The package's folder, relative to the folder on `sys.path`. */
const PACKAGE = "aimodellib";
const ENTRY = `${PACKAGE}/_bridge/__main__.py`;

/** The Python files on disk, which one run of the executable uses. */
export interface Assets extends Disposable {
  /** The folder to put on `sys.path`. */
  readonly root: string;
  /** The script that a worker is started with. */
  readonly entry: string;
}

/**
 * Makes the embedded Python files available on disk.
 *
 * @param say receives lines that explain why the cache or `TMPDIR` is not used, or that no temporary folder is safe from other users
 * @throws {Error} if neither the cache nor a temporary directory can be written to
 */
export async function layOutAssets(
  env: (name: string) => string | undefined,
  standalone: boolean = Deno.build.standalone,
  say: (text: string) => void = () => {},
): Promise<Assets> {
  const notice = noticeOfPlace(env);
  if (notice !== undefined) say(notice);
  const source = embeddedRoot();
  if (!standalone) return assetsAt(source);
  const files = [...readFiles(source, PACKAGE)];
  const cache = cacheDir(env);
  if (cache !== undefined) {
    const root = `${cache}/python-${VERSION}-${await digest(files)}`;
    try {
      Deno.mkdirSync(cache, { recursive: true, mode: 0o700 });
      const distrust = distrustOfFolder(Deno.realPathSync(cache));
      if (distrust === undefined) {
        if (!isIntact(root, files)) writeBesideAndRename(root, files);
        return assetsAt(root);
      }
      say(
        `The cache '${printable(cache)}' is not used, since ${
          printable(distrust)
        }: a temporary folder is used for this run. ` +
          "Set AIMODELLIB_CACHE_DIR to a folder that only you can write to\n",
      );
    } catch (error) {
      // A read-only home is common in containers: a directory of this run's own will do.
      if (!(error instanceof Error) || error instanceof TypeError) throw error;
    }
  }
  const root = makeTemporaryFolder("python", env);
  writeFiles(root, files);
  return assetsAt(root, () => Deno.removeSync(root, { recursive: true }));
}

function assetsAt(root: string, dispose: () => void = () => {}): Assets {
  return { root, entry: `${root}/${ENTRY}`, [Symbol.dispose]: dispose };
}

/** Finds the nearest folder `python` upwards of this file, in the sources or in the executable's own file system. */
function embeddedRoot(): string {
  let folder = import.meta.dirname ?? "";
  while (folder.includes("/")) {
    const candidate = `${folder}/python`;
    try {
      if (Deno.statSync(`${candidate}/${ENTRY}`).isFile) return candidate;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    folder = folder.slice(0, folder.lastIndexOf("/"));
  }
  throw new Error("The Python files that belong to this executable are missing from it: build it again");
}

function* readFiles(root: string, folder: string): Generator<Asset> {
  const entries = [...Deno.readDirSync(`${root}/${folder}`)];
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const { name, isDirectory } of entries) {
    const path = `${folder}/${name}`;
    if (isDirectory) {
      if (name !== "__pycache__") yield* readFiles(root, path);
    } else if (name.endsWith(".py") || name === "py.typed") {
      yield [path, Deno.readFileSync(`${root}/${path}`)];
    }
  }
}

/** 16 hexadecimal digits of the SHA-256 of all paths and contents. */
async function digest(files: readonly Asset[]): Promise<string> {
  const encoder = new TextEncoder();
  const parts = files.flatMap(([path, content]) => [encoder.encode(`${path}\0${content.length}\0`), content]);
  const all = await new Blob(parts).arrayBuffer();
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", all));
  return hash.subarray(0, 8).toHex();
}

/** Whether a folder holds these files, nothing else that Python could import, and nothing that others could have written. */
function isIntact(root: string, files: readonly Asset[]): boolean {
  return hasNothingElse(root, "", new Set(files.flatMap(([path]) => withFolders(path)))) &&
    distrustOfTree(root) === undefined && files.every(([path, content]) => {
      try {
        const found = Deno.readFileSync(`${root}/${path}`);
        return found.length === content.length && found.every((byte, i) => byte === content[i]);
      } catch (error) {
        if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
        throw error;
      }
    });
}

/** Returns a path and the paths of the folders that contain it. */
function withFolders(path: string): string[] {
  return path.split("/").map((_, i, parts) => parts.slice(0, i + 1).join("/"));
}

/** Whether a folder holds nothing but these paths and what Python caches beside its files. */
function hasNothingElse(root: string, folder: string, paths: ReadonlySet<string>): boolean {
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(`${root}/${folder}`)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
  return entries.every(({ name, isDirectory }) => {
    const path = folder === "" ? name : `${folder}/${name}`;
    if (isDirectory && name === "__pycache__") return true;
    if (!paths.has(path)) return name.endsWith(".pyc") && !isDirectory;
    return !isDirectory || hasNothingElse(root, path, paths);
  });
}

/** Replaces the folder at `root` by a complete new one. Several processes may do this at the same time. */
function writeBesideAndRename(root: string, files: readonly Asset[]): void {
  const parent = root.slice(0, root.lastIndexOf("/"));
  Deno.mkdirSync(parent, { recursive: true, mode: 0o700 });
  const beside = Deno.makeTempDirSync({ dir: parent, prefix: ".python-" });
  const aside = `${beside}-old`;
  try {
    writeFiles(beside, files);
    try {
      Deno.renameSync(beside, root);
    } catch (error) {
      if (isIntact(root, files)) return;
      // A damaged folder has this name: move it aside, then rename ours.
      Deno.renameSync(root, aside);
      Deno.renameSync(beside, root);
      if (!isIntact(root, files)) throw error;
    }
  } finally {
    removeIfThere(beside);
    removeIfThere(aside);
  }
}

function writeFiles(root: string, files: readonly Asset[]): void {
  for (const [path, content] of files) {
    Deno.mkdirSync(`${root}/${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true });
    Deno.writeFileSync(`${root}/${path}`, content);
  }
}
