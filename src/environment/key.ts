/**
 * What an environment is kept by: a digest of everything that decides what is installed. Two modules share an environment only if
 * that is the same for both, down to the bytes of each wheel and source folder that their requirements name.
 */

import { createHash, type Hash } from "node:crypto";
import { changeOf, hashFile } from "../archive/mod.ts";
import { stat } from "../files.ts";
import { decodeRequirements, logicalLines, namedBy } from "./requirements_text.ts";

/** What the key of an environment is made from. */
export interface KeyOptions {
  /** The folder with `requirements.txt`. */
  readonly module: string;
  /** The digest of the archive that the module is from. */
  readonly archive?: { readonly sha256: string; readonly signed: boolean } | undefined;
  /** A folder of wheels, in place of package registries. */
  readonly wheels?: string | undefined;
  /** Says which Python it is, and what it has. */
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
/** Files from this size on are told by inode, size and times, which change whenever the bytes do, in bytes. */
const READ_UP_TO_BYTES = 16 * 1024 * 1024;
/** What installing from a folder leaves there, or is made again from what else is there. */
const MADE =
  /^(?:__pycache__|\.git|\.hg|\.eggs|\.venv|\.tox|\.mypy_cache|\.pytest_cache|\.ruff_cache|.*\.egg-info|.*\.pyc)$/;

/** The key of an environment: 32 hexadecimal digits. */
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
  /** Files that were read. */
  readonly seen: Set<string>;
}

/** @returns whether something was found that is not understood here */
function addRequirements(hash: Hash, file: string, context: Context): boolean {
  if (context.seen.has(file)) return false;
  context.seen.add(file);
  let bytes: Uint8Array;
  try {
    bytes = Deno.readFileSync(file);
  } catch {
    // The installer says so.
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
        // `--find-links` of a nested file is looked for from there, too.
        for (const folder of new Set([context.module, folderOf(file)])) {
          const path = absoluteFrom(folder, named.path);
          // A folder of an archive: the copies of it that runs are given have other paths, and the archive's digest says more.
          if (context.isArchive && stat(path)?.isDirectory) unknown = true;
          else addPath(hash, path);
        }
    }
  }
  return unknown;
}

/** Adds the content of a file or a folder, and where it is. */
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
  // An editable installation refers to the place.
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

/** Whether a folder is an environment, or what setuptools leaves when it builds. */
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
