/** Creates files that do not exist yet: all of them, or none. */

import { UsageError } from "../../errors.ts";
import { exists } from "../../files.ts";
import { printable } from "../../printable.ts";

/**
 * Creates files below a folder, which is created if it is missing. Existing files are never changed, and if a write fails, the files
 * written before are removed.
 *
 * @param folder its path
 * @param files the files' texts by their paths relative to the folder
 * @returns the paths that exist already; if there are any, nothing is written
 * @throws {UsageError} if the path of the folder, or of one below it, exists and is not a folder
 * @throws {Deno.errors} if a file can't be written
 */
export function writeNew(folder: string, files: Readonly<Record<string, string>>): readonly string[] {
  const entries = Object.entries(files).map(([path, text]) => [`${folder}/${path}`, text] as const);
  for (const parent of parentsOf(folder, Object.keys(files))) {
    if (exists(parent) && !isFolder(parent)) {
      throw new UsageError(`'${printable(parent)}' exists and is not a folder: nothing was written`);
    }
  }
  const there = found(entries);
  if (there.length > 0) return there;
  const made: string[] = [];
  try {
    for (const [path, text] of entries) {
      makeFolders(path.slice(0, path.lastIndexOf("/")), made);
      const file = Deno.openSync(path, { write: true, createNew: true });
      made.push(path);
      using _closing = file;
      writeAll(file, new TextEncoder().encode(text));
    }
  } catch (error) {
    for (const path of made.reverse()) {
      try {
        Deno.removeSync(path);
      } catch {
        // Another program has put a file into the folder, or has removed it.
      }
    }
    // Another program has just created one of the files.
    const there = error instanceof Deno.errors.AlreadyExists ? found(entries) : [];
    if (there.length > 0) return there;
    throw error;
  }
  return [];
}

function found(entries: readonly (readonly [path: string, text: string])[]): string[] {
  return entries.map(([path]) => path).filter(exists).map((path) => path.replace(/^\.\//, ""));
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
}

/** Returns the folder, and the folders below it that contain the files. */
function parentsOf(folder: string, paths: readonly string[]): ReadonlySet<string> {
  const parents = new Set([folder]);
  for (const path of paths) {
    const parts = path.split("/");
    for (let i = 1; i < parts.length; i++) parents.add(`${folder}/${parts.slice(0, i).join("/")}`);
  }
  return parents;
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** Creates a folder and its missing parents, and adds each of them to `made`. */
function makeFolders(folder: string, made: string[]): void {
  if (folder === "" || isFolder(folder)) return;
  // The parent of `a/b/` is `a`.
  const parent = /^(.*[^/])\/+[^/]+\/*$/.exec(folder)?.[1];
  if (parent !== undefined) makeFolders(parent, made);
  Deno.mkdirSync(folder);
  made.push(folder);
}
