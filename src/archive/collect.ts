/** Finds the files of a folder that belong into an archive. */

import { isTemporary } from "../atomic_file.ts";
import { exists } from "../files.ts";
import ignore, { type Ignore } from "ignore";
import { ArchiveError } from "./errors.ts";
import { reasonOf } from "../errors.ts";
import { checkLinks } from "./links.ts";
import { HiddenNames } from "./names.ts";
import { ORIGIN_NAME } from "./origin_name.ts";
import type { NewEntry } from "./tar/encode.ts";

/** A file with patterns, as in .gitignore, of further paths to leave out; any folder of the module may have one. */
const IGNORE_FILE = ".aimodellibignore";

/** Folders that are left out at any depth. */
const LEFT_OUT_FOLDERS = new Set([".git", "__pycache__"]);
const LEFT_OUT_SUFFIX = ".pyc";
/** In a worktree or a submodule, a file instead of a folder; it contains a path of this machine. */
const GIT_FILE = ".git";
/** Files and folders by which environments of venv and conda are recognized. */
const ENVIRONMENT_MARKS = ["pyvenv.cfg", "conda-meta"];

/** An entry of the archive to be, and the file that it is made from. */
export interface FoundEntry extends NewEntry {
  /** The absolute path of the file. */
  readonly source: string;
  /** Time of modification in ms, and inode, to detect later changes; undefined for anything but a file. */
  readonly mtimeMs?: number | undefined;
  readonly inode?: number | null;
}

/** What {@linkcode collect} found in a folder. */
export interface Collection {
  /** Paths are relative to the folder; the order is that of their UTF-8 bytes. */
  readonly entries: readonly FoundEntry[];
  /** The size of all files together. */
  readonly bytes: number;
  /** The paths that were left out, each with a reason; folders end in a slash. */
  readonly leftOut: readonly { readonly path: string; readonly reason: string }[];
}

/** The rules of one ignore file, which apply below its folder. */
interface IgnoreRules {
  readonly folder: string;
  readonly rules: Ignore;
}

/**
 * Walks a folder and lists what an archive of it will contain.
 *
 * @param root the folder's absolute path
 * @param isOutput whether a real path is that of the archive itself, which is left out
 * @throws {ArchiveError} if the folder contains something that can't be packed; the reason reads after the folder's name
 */
export function collect(root: string, isOutput: (path: string) => boolean): Collection {
  const entries: FoundEntry[] = [];
  const leftOut: { path: string; reason: string }[] = [];
  const links = new Map<string, string>();
  let bytes = 0;
  using hidden = new HiddenNames();

  const walk = (folder: string, outer: readonly IgnoreRules[]) => {
    const children = readFolder(`${root}/${folder}`, folder);
    const [nameless] = hidden.in(`${root}/${folder}`);
    if (nameless !== undefined) {
      throw new ArchiveError(
        `contains '${
          folder === "" ? "" : `${folder}/`
        }${nameless}', a name that is not UTF-8, which other systems can't unpack: rename it`,
      );
    }
    const own = children.some(({ name, isFile }) => isFile && name === IGNORE_FILE)
      ? [...outer, readIgnoreFile(root, folder)]
      : outer;
    for (const { name, isDirectory, isFile, isSymlink } of children) {
      const path = folder === "" ? name : `${folder}/${name}`;
      const source = `${root}/${path}`;
      const reason = isOutput(isSymlink ? leadsTo(source) : source)
        ? "output"
        : reasonToLeaveOut(root, path, name, isDirectory, own);
      if (reason !== undefined) {
        leftOut.push({ path: isDirectory ? `${path}/` : path, reason });
      } else if (isSymlink) {
        const target = readLink(source, root, path);
        links.set(path, target);
        entries.push({ path, kind: "symlink", size: 0, executable: false, target, source });
      } else if (isDirectory) {
        entries.push({ path, kind: "directory", size: 0, executable: true, target: "", source });
        walk(path, own);
      } else if (isFile) {
        const { size, mode, mtime, ino: inode } = Deno.statSync(source);
        bytes += size;
        const executable = ((mode ?? 0) & 0o100) !== 0;
        entries.push({ path, kind: "file", size, executable, target: "", source, mtimeMs: mtime?.getTime(), inode });
      } else {
        throw new ArchiveError(
          `contains '${path}', which is neither a file, a folder nor a link: remove it, or list it in ${IGNORE_FILE}`,
        );
      }
    }
  };
  walk("", []);
  checkLinks(links, leadsOut);
  entries.sort((a, b) => compareUtf8(a.path, b.path));
  return { entries, bytes, leftOut };
}

function readFolder(source: string, path: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(source)];
  } catch (cause) {
    const which = path === "" ? "can't be read" : `contains the folder '${path}', which can't be read`;
    throw new ArchiveError(`${which}: ${reasonOf(cause)}`, { cause });
  }
}

/**
 * The reason why a path is never packed, whatever ignore files say; undefined without one.
 *
 * @param path relative to the module's folder; `name` is its last part
 * @param hasPath whether the module contains a path
 */
export function whyLeftOver(
  path: string,
  name: string,
  isDirectory: boolean,
  hasPath: (path: string) => boolean,
): string | undefined {
  if (isTemporary(name)) return "unfinished file of an earlier run";
  if (isDirectory) {
    if (LEFT_OUT_FOLDERS.has(name)) return name;
    if (ENVIRONMENT_MARKS.some((mark) => hasPath(`${path}/${mark}`))) return "virtual environment";
  } else if (name.endsWith(LEFT_OUT_SUFFIX)) {
    return "*.pyc";
  } else if (name === GIT_FILE) {
    return GIT_FILE;
  } else if (name === ORIGIN_NAME) {
    return "note of unpack";
  }
  return undefined;
}

function reasonToLeaveOut(
  root: string,
  path: string,
  name: string,
  isDirectory: boolean,
  ignored: readonly IgnoreRules[],
): string | undefined {
  const reason = whyLeftOver(path, name, isDirectory, (path) => exists(`${root}/${path}`));
  if (reason !== undefined) return reason;
  // As with git, the nearest ignore file with a matching pattern decides.
  for (const { folder, rules } of ignored.toReversed()) {
    const relative = folder === "" ? path : path.slice(folder.length + 1);
    const result = rules.test(isDirectory ? `${relative}/` : relative);
    if (result.ignored) return IGNORE_FILE;
    if (result.unignored) return undefined;
  }
  return undefined;
}

function readIgnoreFile(root: string, folder: string): IgnoreRules {
  const path = folder === "" ? IGNORE_FILE : `${folder}/${IGNORE_FILE}`;
  try {
    return { folder, rules: ignore().add(Deno.readTextFileSync(`${root}/${path}`)) };
  } catch (cause) {
    throw new ArchiveError(`contains '${path}', which can't be read: ${reasonOf(cause)}`, { cause });
  }
}

/** The target of a link, relative to the link's folder. */
function readLink(source: string, root: string, path: string): string {
  const target = Deno.readLinkSync(source);
  if (!target.startsWith("/")) return target;
  // An absolute link into the folder becomes relative, so that it works wherever the archive is unpacked.
  if (target !== root && !target.startsWith(`${root}/`)) throw leadsOut(path, target);
  const up = "../".repeat(path.split("/").length - 1);
  return `${up}${target.slice(root.length + 1)}`.replace(/\/$/, "") || ".";
}

/** The real path that a link leads to; the link's own path if it is broken. */
function leadsTo(source: string): string {
  try {
    return Deno.realPathSync(source);
  } catch {
    return source;
  }
}

function leadsOut(path: string, target: string): ArchiveError {
  return new ArchiveError(
    `contains '${path}', a link that leads out, to '${target}': replace it by a copy of its target, or list it in ${IGNORE_FILE}`,
  );
}

/**
 * Compares texts by their UTF-8 bytes, which is the order of code points. JavaScript's order of UTF-16 units differs: surrogates,
 * which stand for the highest code points, come before U+E000.
 */
function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x !== y) return lift(x) - lift(y);
  }
  return a.length - b.length;
}

function lift(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
