/** Tells files that runs leave in an unpacked folder from its content: compiled Python, environments, logs. */

import { whyLeftOver } from "./collect.ts";
import { joinPath, type Manifest } from "./manifest.ts";

/** The folders for logs that the manifest names. */
export function foldersOfRuns({ logDirectory, tensorboardDirectory }: Manifest): ReadonlySet<string> {
  return new Set([joinPath(logDirectory), joinPath(tensorboardDirectory)]);
}

/**
 * Whether a path, by its own name alone, is one that runs leave.
 *
 * @param written {@linkcode foldersOfRuns} of the manifest
 * @param hasPath whether the folder contains a path
 */
export function isLeft(
  path: string,
  isDirectory: boolean,
  written: ReadonlySet<string>,
  hasPath: (path: string) => boolean,
): boolean {
  return written.has(path) ||
    whyLeftOver(path, path.slice(path.lastIndexOf("/") + 1), isDirectory, hasPath) !== undefined;
}

/** Returns a function that tells whether a file's path is one where runs leave files. @param paths of all entries of the archive */
export function leftByRuns(paths: ReadonlySet<string>, manifest: Manifest): (path: string) => boolean {
  const written = foldersOfRuns(manifest);
  const parents = parentsOf(paths);
  const hasPath = (path: string) => paths.has(path) || parents.has(path);
  const folders = new Map<string, boolean>([["", false]]);
  const isFolderOfRuns = (path: string): boolean => {
    let known = folders.get(path);
    if (known === undefined) {
      folders.set(path, known = isFolderOfRuns(parentOf(path)) || isLeft(path, true, written, hasPath));
    }
    return known;
  };
  // Most files are in the folder of the one before.
  let last = "";
  let isLastOfRuns = false;
  return (path) => {
    if (!isIn(path, last)) {
      last = parentOf(path);
      isLastOfRuns = isFolderOfRuns(last);
    }
    return isLastOfRuns || isLeft(path, false, written, hasPath);
  };
}

/** All folders above the paths, without the root. */
function parentsOf(paths: Iterable<string>): ReadonlySet<string> {
  const parents = new Set<string>();
  let last = "";
  for (const path of paths) {
    if (isIn(path, last)) continue;
    last = parentOf(path);
    for (let parent = last; parent !== "" && !parents.has(parent); parent = parentOf(parent)) parents.add(parent);
  }
  return parents;
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

/** Whether {@linkcode parentOf} the path is `folder`, without making it. */
function isIn(path: string, folder: string): boolean {
  return path.lastIndexOf("/") === folder.length && path.startsWith(folder);
}
