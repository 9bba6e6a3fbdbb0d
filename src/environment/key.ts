/**
 * Makes the key of an environment: a digest of everything that determines what is installed. Two modules share an environment only
 * if all of this is equal, down to the bytes of each wheel and source folder that their requirements name.
 */

import { createHash, type Hash } from "node:crypto";
import { normalize } from "node:path";
import { changeOf, hashFile } from "../archive/mod.ts";
import { stat } from "../files.ts";
import { decodeRequirements, logicalLines, namedBy } from "./requirements_text.ts";

/** The data that the key of an environment covers. */
export interface KeyOptions {
  /** The module's folder, with its `requirements.txt`. */
  readonly module: string;
  /** The archive that contains the module. */
  readonly archive?: { readonly sha256: string; readonly signed: boolean; readonly root: string } | undefined;
  /** A folder of wheels to install from instead of package registries. */
  readonly wheels?: string | undefined;
  /** Identifies the Python and its own packages. */
  readonly base: string;
  readonly env: (name: string) => string | undefined;
}

/** Variables that change what an installer installs. */
const VARIABLES = [
  "PIP_CMD",
  ...[
    "INDEX_URL",
    "EXTRA_INDEX_URL",
    "NO_INDEX",
    "FIND_LINKS",
    "CONSTRAINT",
    "PRE",
    "NO_BINARY",
    "ONLY_BINARY",
    "PREFER_BINARY",
  ]
    .map((name) => `PIP_${name}`),
  ...[
    "INDEX",
    "DEFAULT_INDEX",
    "INDEX_URL",
    "EXTRA_INDEX_URL",
    "NO_INDEX",
    "FIND_LINKS",
    "CONSTRAINT",
    "OVERRIDE",
    "PRERELEASE",
    "RESOLUTION",
    "EXCLUDE_NEWER",
    "INDEX_STRATEGY",
  ]
    .map((name) => `UV_${name}`),
];
/** Variables that name files or folders whose content counts, the lines that mean the same, and what separates several. */
const FILE_VARIABLES: readonly (readonly [name: string, option: string, separator: RegExp])[] = [
  ["PIP_CONSTRAINT", "-c", /\s+/],
  ["PIP_FIND_LINKS", "-f", /\s+/],
  ["UV_CONSTRAINT", "-c", /\s+/],
  ["UV_OVERRIDE", "-c", /\s+/],
  ["UV_FIND_LINKS", "-f", /,/],
];
/** Larger files are identified by inode, size and times, which change with the content, in bytes. */
const READ_UP_TO_BYTES = 16 * 1024 * 1024;
/** Names of files and folders that builds leave in a source folder; they do not count. */
const MADE =
  /^(?:__pycache__|\.git|\.hg|\.eggs|\.venv|\.tox|\.mypy_cache|\.pytest_cache|\.ruff_cache|.*\.egg-info|.*\.pyc)$/;

/** What an environment is made from, at one moment. */
export interface Inputs {
  /** 32 hexadecimal digits. */
  readonly key: string;
  /** Texts that change when something that the installer reads is changed, by what that is: a path in quotes, for example. */
  readonly parts: ReadonlyMap<string, string>;
}

/** Makes the key of an environment. */
export function inputsOf({ module, archive, wheels, base, env }: KeyOptions): Inputs {
  const hash = createHash("sha256");
  const parts = new Map([["the Python or its packages", base]]);
  const files = new Files(hash, parts);
  const add = (...words: readonly unknown[]) => void hash.update(`${JSON.stringify(words)}\n`);
  add("base", base);
  for (const name of VARIABLES) {
    const value = env(name);
    if (value) add("variable", name, value);
  }
  const context: Context = { files, module, env, root: archive?.root, seen: new Set() };
  const lines = FILE_VARIABLES.flatMap(([name, option, separator]) =>
    (env(name) ?? "").split(separator).filter((path) => path !== "").map((path) => `${option} ${path}`)
  );
  // Read all, even if one is not understood.
  const unknown = [addLines(lines, module, context), addRequirements(`${module}/requirements.txt`, context)].includes(
    true,
  );
  if (unknown && archive === undefined) files.addPath(module);
  if (archive !== undefined && (unknown || archive.signed)) add("archive", archive.sha256);
  if (wheels !== undefined) {
    for (const { name } of sorted(wheels)) files.addWheel(name, `${wheels}/${name}`);
  }
  return { key: hash.digest("hex").slice(0, 32), parts };
}

/** Names an input that is not as it was; undefined if all are. */
export function changeBetween(before: Inputs, after: Inputs): string | undefined {
  for (const name of new Set([...before.parts.keys(), ...after.parts.keys()])) {
    if (before.parts.get(name) !== after.parts.get(name)) return name;
  }
  return undefined;
}

interface Context {
  readonly files: Files;
  readonly module: string;
  readonly env: (name: string) => string | undefined;
  /** The root of the archive that contains the module. */
  readonly root: string | undefined;
  /** Requirements files that were read already. */
  readonly seen: Set<string>;
}

/** Adds a requirements file. @returns whether it contains a line that this program does not understand */
function addRequirements(file: string, context: Context): boolean {
  const { files, env, seen } = context;
  if (seen.has(file)) return false;
  seen.add(file);
  const bytes = files.read(file);
  // The installer reports a missing file.
  return bytes !== undefined && addLines(logicalLines(decodeRequirements(bytes), env), folderOf(file), context);
}

/** Adds the lines of a file in `folder`. @returns whether this program does not understand one of them */
function addLines(lines: readonly string[], folder: string, context: Context): boolean {
  const { files, module, root } = context;
  let unknown = false;
  for (const line of lines) {
    files.add("line", line);
    const named = namedBy(line);
    switch (named.kind) {
      case "text":
        break;
      case "unknown":
        unknown = true;
        break;
      case "nested":
        if (addRequirements(absoluteFrom(folder, named.path), context)) unknown = true;
        break;
      case "path":
        // pip also looks for `--find-links` relative to the nested file.
        for (const path of new Set([module, folder].map((from) => absoluteFrom(from, named.path)))) {
          // The path of an archive's folder differs in each run's copy: let the archive's digest stand for it.
          if (root !== undefined && path.startsWith(`${root}/`) && stat(path)?.isDirectory) unknown = true;
          else files.addPath(path);
        }
    }
  }
  return unknown;
}

/** Adds files to the key, and to the parts that can change. */
class Files {
  readonly #hash: Hash;
  readonly #parts: Map<string, string>;

  constructor(hash: Hash, parts: Map<string, string>) {
    this.#hash = hash;
    this.#parts = parts;
  }

  /** Adds words to the key. */
  readonly add = (...words: readonly unknown[]): void => void this.#hash.update(`${JSON.stringify(words)}\n`);

  /** Reads a requirements file, whose lines the caller adds. @returns undefined if it can't be read */
  read(path: string): Uint8Array | undefined {
    try {
      const bytes = Deno.readFileSync(path);
      this.#note(path, `${sha256(bytes)} ${changeOf(Deno.statSync(path))}`);
      return bytes;
    } catch {
      this.#note(path, "missing");
      this.#hash.update("missing\n");
      return undefined;
    }
  }

  /** Adds a wheel of the archive. */
  addWheel(name: string, path: string): void {
    const content = hashFile(path);
    this.#note(path, `${content} ${changeOf(Deno.statSync(path))}`);
    this.add("wheel", name, content);
  }

  /** Adds the content of a file or a folder, and its path. */
  addPath(path: string): void {
    const info = stat(path);
    if (info === undefined) {
      this.#note(path, "missing");
      this.add("missing");
    } else if (info.isDirectory) {
      // An editable installation refers to the path.
      this.add("folder", Deno.realPathSync(path));
      this.#addTree(path, "");
    } else {
      const content = contentOf(path, info);
      this.#note(path, `${content} ${changeOf(info)}`);
      this.add("file", path.slice(path.lastIndexOf("/") + 1), content);
    }
  }

  #addTree(folder: string, prefix: string): void {
    for (const { name, isDirectory, isSymlink } of sorted(folder)) {
      if (MADE.test(name)) continue;
      const path = `${folder}/${name}`;
      if (isSymlink) this.add("link", prefix + name, Deno.readLinkSync(path));
      const info = stat(path);
      if (info === undefined) continue;
      if (isDirectory) {
        if (isMade(path, name)) continue;
        this.add("folder", prefix + name);
        this.#addTree(path, `${prefix}${name}/`);
      } else if (info.isFile) {
        const [mode, content] = [info.mode! & 0o111, contentOf(path, info)];
        // The build of a package may write its files again, with the same content.
        this.#note(path, `${mode} ${content}`);
        this.add("file", prefix + name, mode, content);
      }
    }
  }

  #note(path: string, state: string): void {
    this.#parts.set(`'${normalize(path)}'`, state);
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Whether a path is an environment, or a remain of a build by setuptools. */
function isMade(path: string, name: string): boolean {
  const has = (entry: RegExp) => [...Deno.readDirSync(path)].some((found) => entry.test(found.name));
  return has(/^pyvenv\.cfg$/) || (name === "build" && has(/^(?:lib|bdist\..*)$/));
}

function contentOf(path: string, info: Deno.FileInfo): string {
  if (!info.isFile) return "special";
  return info.size < READ_UP_TO_BYTES ? hashFile(path) : `${info.size} ${changeOf(info)}`;
}

function sorted(folder: string): Deno.DirEntry[] {
  return [...Deno.readDirSync(folder)].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function absoluteFrom(folder: string, path: string): string {
  return path.startsWith("/") ? path : `${folder}/${path}`;
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}
