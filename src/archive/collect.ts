/** Finds what of a module's folder belongs into an archive. */

import { exists } from "../files.ts";
import ignore, { type Ignore } from "ignore";
import { ArchiveError } from "./errors.ts";
import { reasonOf } from "../errors.ts";
import { checkLinks } from "./links.ts";
import { HiddenNames } from "./names.ts";
import { ORIGIN_NAME } from "./origin_name.ts";
import type { NewEntry } from "./tar/encode.ts";

/** Names further things to leave out, in the words of .gitignore; it may lie in any folder of the module. */
export const IGNORE_FILE = ".aimodellibignore";

/** Left out wherever they are. */
const LEFT_OUT_FOLDERS = new Set([".git", "__pycache__"]);
const LEFT_OUT_FILE = /\.pyc$/;
/** In the place of the folder, in a worktree or a submodule: it names a path of this machine. */
const GIT_FILE = ".git";
/** What this program leaves when it is killed while it writes a file beside its place. */
const UNFINISHED = /^\..+\.[0-9a-f]{8}\.tmp$/;
/** What venv, and conda, write into an environment that they make. */
const ENVIRONMENT_MARKS = ["pyvenv.cfg", "conda-meta"];

/** An entry, and where it is now. */
export interface FoundEntry extends NewEntry {
  /** Absolute. */
  readonly source: string;
  /** By which it is seen that a file is another one now, or has been changed; not there for what is no file. */
  readonly mtimeMs?: number | undefined;
  readonly inode?: number | null;
}

/** What `collect()` found in a module's folder. */
export interface Collection {
  /** With paths from the module's folder, in the order of their UTF-8 bytes. */
  readonly entries: readonly FoundEntry[];
  /** Bytes of all files. */
  readonly bytes: number;
  /** Paths that were left out, folders with a slash at the end, each with why. */
  readonly leftOut: readonly { readonly path: string; readonly reason: string }[];
}

/** Rules of one ignore file, for what is below its folder. */
interface IgnoreRules {
  readonly folder: string;
  readonly rules: Ignore;
}

/**
 * Walks a module's folder and lists what an archive of it will hold.
 *
 * @param root its absolute path
 * @param isOutput whether a path, without links in it, is that of the archive that is being made, or of the one that it replaces
 * @throws {ArchiveError} which names a link that leads out, or what is neither file, folder nor link
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
        `'${
          folder === "" ? "" : `${folder}/`
        }${nameless}' has a name that is not UTF-8, which other systems can't unpack: rename it`,
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
          `'${path}' is neither a file, a folder nor a link: remove it, or name it in ${IGNORE_FILE}`,
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
    throw new ArchiveError(`The folder '${path || source}' can't be read: ${reasonOf(cause)}`, { cause });
  }
}

/**
 * Why something is no part of a module, whatever ignore files say; undefined if it may be one.
 *
 * @param root the absolute path of the module's folder
 * @param path from there; `name` is its last part
 */
export function whyLeftOver(root: string, path: string, name: string, isDirectory: boolean): string | undefined {
  if (isDirectory) {
    if (LEFT_OUT_FOLDERS.has(name)) return name;
    if (ENVIRONMENT_MARKS.some((mark) => exists(`${root}/${path}/${mark}`))) return "virtual environment";
  } else if (LEFT_OUT_FILE.test(name)) {
    return "*.pyc";
  } else if (name === GIT_FILE) {
    return GIT_FILE;
  } else if (UNFINISHED.test(name)) {
    return "unfinished file of an earlier run";
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
  const reason = whyLeftOver(root, path, name, isDirectory);
  if (reason !== undefined) return reason;
  // The nearest file decides, as with git; one that says nothing leaves it to those further out.
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
    throw new ArchiveError(`'${path}' can't be read: ${reasonOf(cause)}`, { cause });
  }
}

/** Where a link points, from its own folder. */
function readLink(source: string, root: string, path: string): string {
  const target = Deno.readLinkSync(source);
  if (!target.startsWith("/")) return target;
  // One that is absolute, and stays inside, is made to stay inside wherever the archive is unpacked.
  if (target !== root && !target.startsWith(`${root}/`)) throw leadsOut(path, target);
  const up = "../".repeat(path.split("/").length - 1);
  return `${up}${target.slice(root.length + 1)}`.replace(/\/$/, "") || ".";
}

/** What a link leads to in the end; the link itself if that is nothing. */
function leadsTo(source: string): string {
  try {
    return Deno.realPathSync(source);
  } catch {
    return source;
  }
}

function leadsOut(path: string, target: string): ArchiveError {
  return new ArchiveError(
    `'${path}' is a link that leads out of the module, to '${target}': replace it by what it leads to, or name it in ${IGNORE_FILE}`,
  );
}

/**
 * Compares texts by the bytes of their UTF-8, which is the order of their code points. That of JavaScript's units is the same,
 * but that surrogates, which stand for what is above, come before the units from U+E000 on.
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
