/**
 * Makes the key of an environment: a digest of everything that determines what is installed. Two modules share an environment only
 * if all of this is equal, down to the bytes of each wheel and source folder that their requirements name.
 */

import { createHash, type Hash } from "node:crypto";
import { changeOf, hashFile } from "../archive/mod.ts";
import { stat } from "../files.ts";
import { decodeRequirements, logicalLines, namedBy } from "./requirements_text.ts";

/** The data that the key of an environment covers. */
export interface KeyOptions {
  /** The module's folder, with its `requirements.txt`. */
  readonly module: string;
  /** The archive that contains the module. */
  readonly archive?: { readonly sha256: string; readonly signed: boolean } | undefined;
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
/** Larger files are identified by inode, size and times, which change with the content, in bytes. */
const READ_UP_TO_BYTES = 16 * 1024 * 1024;
/** Names of files and folders that builds leave in a source folder; they do not count. */
const MADE =
  /^(?:__pycache__|\.git|\.hg|\.eggs|\.venv|\.tox|\.mypy_cache|\.pytest_cache|\.ruff_cache|.*\.egg-info|.*\.pyc)$/;

/** Makes the key of an environment: 32 hexadecimal digits. */
export function keyOf({ module, archive, wheels, base, env }: KeyOptions): string {
  const hash = createHash("sha256");
  const add = (...words: readonly unknown[]) => void hash.update(`${JSON.stringify(words)}\n`);
  add("base", base);
  for (const name of VARIABLES) {
    const value = env(name);
    if (value) add("variable", name, value);
  }
  for (const path of (env("PIP_CONSTRAINT") ?? "").split(/\s+/).filter(Boolean)) {
    addPath(hash, absoluteFrom(module, path));
  }
  const unknown = addRequirements(hash, `${module}/requirements.txt`, {
    module,
    env,
    isArchive: archive !== undefined,
    seen: new Set(),
  });
  if (unknown && archive === undefined) addPath(hash, module);
  if (archive !== undefined && (unknown || archive.signed)) add("archive", archive.sha256);
  if (wheels !== undefined) {
    for (const { name } of sorted(wheels)) add("wheel", name, hashFile(`${wheels}/${name}`));
  }
  return hash.digest("hex").slice(0, 32);
}

interface Context {
  readonly module: string;
  readonly env: (name: string) => string | undefined;
  readonly isArchive: boolean;
  /** Requirements files that were read already. */
  readonly seen: Set<string>;
}

/** Adds a requirements file. @returns whether it contains a line that this program does not understand */
function addRequirements(hash: Hash, file: string, context: Context): boolean {
  if (context.seen.has(file)) return false;
  context.seen.add(file);
  let bytes: Uint8Array;
  try {
    bytes = Deno.readFileSync(file);
  } catch {
    // The installer reports the missing file.
    hash.update("missing\n");
    return false;
  }
  let unknown = false;
  for (const line of logicalLines(decodeRequirements(bytes), context.env)) {
    hash.update(`${JSON.stringify(["line", line])}\n`);
    const named = namedBy(line);
    switch (named.kind) {
      case "text":
        break;
      case "unknown":
        unknown = true;
        break;
      case "nested":
        if (addRequirements(hash, absoluteFrom(folderOf(file), named.path), context)) unknown = true;
        break;
      case "path":
        // pip also looks for `--find-links` relative to the nested file.
        for (const folder of new Set([context.module, folderOf(file)])) {
          const path = absoluteFrom(folder, named.path);
          // The path of an archive's folder differs in each run's copy: let the archive's digest stand for it.
          if (context.isArchive && stat(path)?.isDirectory) unknown = true;
          else addPath(hash, path);
        }
    }
  }
  return unknown;
}

/** Adds the content of a file or a folder, and its path. */
function addPath(hash: Hash, path: string): void {
  const add = (...words: readonly unknown[]) => void hash.update(`${JSON.stringify(words)}\n`);
  let info: Deno.FileInfo;
  try {
    info = Deno.statSync(path);
  } catch {
    add("missing");
    return;
  }
  if (!info.isDirectory) {
    add("file", path.slice(path.lastIndexOf("/") + 1), contentOf(path, info));
    return;
  }
  // An editable installation refers to the path.
  add("folder", Deno.realPathSync(path));
  addTree(path, "", add);
}

function addTree(folder: string, prefix: string, add: (...words: readonly unknown[]) => void): void {
  for (const { name, isDirectory, isSymlink } of sorted(folder)) {
    if (MADE.test(name)) continue;
    const path = `${folder}/${name}`;
    if (isSymlink) add("link", prefix + name, Deno.readLinkSync(path));
    let info: Deno.FileInfo;
    try {
      info = Deno.statSync(path);
    } catch {
      continue;
    }
    if (isDirectory) {
      if (isMade(path, name)) continue;
      add("folder", prefix + name);
      addTree(path, `${prefix}${name}/`, add);
    } else if (info.isFile) {
      add("file", prefix + name, info.mode! & 0o111, contentOf(path, info));
    }
  }
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
