/**
 * Lays out the embedded Python files on disk, where a Python can read them.
 *
 * A program that runs from sources uses them in place. The executable writes them once to the user's cache, under a name with the digest
 * of their content, and checks that digest at every start: if a file was changed, removed or added, it writes all of them again. The
 * bytecode that Python caches in `__pycache__` is not part of the digest; owners and modes show that nobody but this user and root could have
 * written it. A cache that other users can write to is not used.
 */

import { cacheDir } from "../cache/folder.ts";
import { distrustOf, distrustOfFolder, distrustOfTree } from "../cache/private.ts";
import { removeIfThere } from "../cache/shelf.ts";
import { makeTemporaryFolder, noticeOfPlace } from "../cache/temporary.ts";
import { joined } from "../bytes.ts";
import { printable } from "../printable.ts";
import { VERSION } from "../version.ts";

/** A Python file: its path relative to the folder on `sys.path`, and its content. */
type Asset = readonly [path: string, content: Uint8Array<ArrayBuffer>];

/** The package's folder, relative to the folder on `sys.path`. */
const PACKAGE = "aimodellib";
const ENTRY = `${PACKAGE}/_bridge/__main__.py`;

/** The folder in which Python caches the bytecode of the files beside it. */
const BYTECODE = "__pycache__";

/** The file beside the package with its digest, which the build writes: most starts then read no embedded file. */
export const DIGEST_NAME = "digest";

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
  const cache = cacheDir(env);
  if (cache !== undefined) {
    const digest = readDigest(source) ?? await digestOfPackage(source);
    const root = `${cache}/python-${VERSION}-${digest}`;
    try {
      Deno.mkdirSync(cache, { recursive: true, mode: 0o700 });
      const distrust = distrustOfFolder(Deno.realPathSync(cache));
      if (distrust === undefined) {
        if (!await isIntact(root, digest)) await writeBesideAndRename(root, digest, source);
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
  writeFiles(root, source);
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
  for (const { name, isDirectory } of sortedEntries(`${root}/${folder}`)) {
    const path = `${folder}/${name}`;
    if (isDirectory) {
      if (name !== BYTECODE) yield* readFiles(root, path);
    } else if (isPython(name)) {
      yield [path, Deno.readFileSync(`${root}/${path}`)];
    }
  }
}

function readDigest(root: string): string | undefined {
  try {
    return Deno.readTextFileSync(`${root}/${DIGEST_NAME}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * Returns 16 hexadecimal digits of the SHA-256 of the paths and contents of all Python files in a folder.
 *
 * @param root the folder that contains the package
 * @throws {Error} if they can't be read
 */
export function digestOfPackage(root: string): Promise<string> {
  return digestOf([...readFiles(root, PACKAGE)]);
}

async function digestOf(files: readonly Asset[]): Promise<string> {
  const encoder = new TextEncoder();
  const parts = files.flatMap(([path, content]) => [encoder.encode(`${path}\0${content.length}\0`), content]);
  const all = joined(parts, parts.reduce((length, part) => length + part.length, 0));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", all));
  return hash.subarray(0, 8).toHex();
}

/** Whether a folder holds the files with this digest, nothing else that Python could import, and nothing that others could have written. */
async function isIntact(root: string, digest: string): Promise<boolean> {
  try {
    const files = trustedFiles(root);
    return files !== undefined && await digestOf(files) === digest;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}

/**
 * Reads the package in a folder, in the order of {@linkcode readFiles}. Each start does this: it looks at each file once.
 *
 * @returns undefined if there is something else than the package and what Python caches beside its files, or something that others could
 * have written
 */
function trustedFiles(root: string): readonly Asset[] | undefined {
  if (distrustOf(root) !== undefined) return undefined;
  if (![...Deno.readDirSync(root)].every(({ name, isDirectory }) => isDirectory && name === PACKAGE)) return undefined;
  const files: Asset[] = [];
  return addTrusted(root, PACKAGE, files) ? files : undefined;
}

/** Adds the files of a folder. @returns false if one is not trusted, or there is no Python file: Python would take the folder for a package */
function addTrusted(root: string, folder: string, files: Asset[]): boolean {
  if (distrustOf(`${root}/${folder}`) !== undefined) return false;
  let hasFiles = false;
  for (const { name, isDirectory } of sortedEntries(`${root}/${folder}`)) {
    const path = `${folder}/${name}`;
    if (isDirectory) {
      const trusted = name === BYTECODE
        ? distrustOfTree(`${root}/${path}`) === undefined
        : addTrusted(root, path, files);
      if (!trusted) return false;
      continue;
    }
    // Python would import a .pyc that has no source beside it.
    if (!isPython(name) || distrustOf(`${root}/${path}`) !== undefined) return false;
    files.push([path, Deno.readFileSync(`${root}/${path}`)]);
    hasFiles = true;
  }
  return hasFiles;
}

function sortedEntries(folder: string): readonly Deno.DirEntry[] {
  return [...Deno.readDirSync(folder)].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function isPython(name: string): boolean {
  return name.endsWith(".py") || name === "py.typed";
}

/** Replaces the folder at `root` by a complete new one. Several processes may do this at the same time. */
async function writeBesideAndRename(root: string, digest: string, source: string): Promise<void> {
  const parent = root.slice(0, root.lastIndexOf("/"));
  Deno.mkdirSync(parent, { recursive: true, mode: 0o700 });
  const beside = Deno.makeTempDirSync({ dir: parent, prefix: ".python-" });
  const aside = `${beside}-old`;
  try {
    writeFiles(beside, source);
    try {
      Deno.renameSync(beside, root);
    } catch (error) {
      if (await isIntact(root, digest)) return;
      // A damaged folder has this name: move it aside, then rename ours.
      Deno.renameSync(root, aside);
      Deno.renameSync(beside, root);
      if (!await isIntact(root, digest)) throw error;
    }
  } finally {
    removeIfThere(beside);
    removeIfThere(aside);
  }
}

/**
 * Writes the files with modes that let nobody else write, whatever the umask is: otherwise the next start would not trust them. Python
 * would make the folders of bytecode by the umask, and gives bytecode the mode of its source.
 */
function writeFiles(root: string, source: string): void {
  for (const [path, content] of readFiles(source, PACKAGE)) {
    const folder = `${root}/${path.slice(0, path.lastIndexOf("/"))}`;
    Deno.mkdirSync(`${folder}/${BYTECODE}`, { recursive: true, mode: 0o755 });
    Deno.writeFileSync(`${root}/${path}`, content, { mode: 0o644 });
  }
}
