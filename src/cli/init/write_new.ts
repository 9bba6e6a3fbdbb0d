/** Writes files that are not there yet: all of them, or none. */

import { UsageError } from "../../errors.ts";
import { exists } from "../../files.ts";
import { printable } from "../../printable.ts";

/**
 * Writes files below a folder, which is made if it is missing. Nothing that is there is changed, and if a write fails, what was
 * written before is removed.
 *
 * @param folder its path
 * @param files texts by their paths from the folder
 * @returns the paths that are there already, in which case nothing is written
 * @throws {UsageError} if the folder, or one between it and a file, is there and is no folder
 * @throws {Deno.errors} if a file can't be written
 */
export function writeNew(folder: string, files: Readonly<Record<string, string>>): readonly string[] {
  const entries = Object.entries(files).map(([path, text]) => [`${folder}/${path}`, text] as const);
  for (const parent of parentsOf(folder, Object.keys(files))) {
    if (exists(parent) && !isFolder(parent)) {
      throw new UsageError(`'${printable(parent)}' is there, and is not a folder: nothing was written`);
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
        // Somebody has put another file into the folder, or it is gone already.
      }
    }
    // Another program made one just now.
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

/** The folder and those that files in it are in. */
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

/** Makes a folder and those that it is in, and notes each that was missing. */
function makeFolders(folder: string, made: string[]): void {
  if (folder === "" || isFolder(folder)) return;
  // The parent of `a/b/` is `a`.
  const parent = /^(.*[^/])\/+[^/]+\/*$/.exec(folder)?.[1];
  if (parent !== undefined) makeFolders(parent, made);
  Deno.mkdirSync(folder);
  made.push(folder);
}
