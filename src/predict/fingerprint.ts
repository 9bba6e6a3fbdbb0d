/** A digest of the files in a folder, by which a resumed run notices that they have changed. */

import { createHash } from "node:crypto";

/** Folders that programs generate. */
const IGNORED: ReadonlySet<string> = new Set(["__pycache__", "node_modules"]);

/** The most files that are digested: a part of a larger folder is enough to notice a change. */
const MAX_FILES = 10_000;

/**
 * Digests the paths, sizes and modification times of files.
 *
 * @param isPart whether the file at an absolute path is included
 */
export function fingerprint(folder: string, isPart: (path: string) => boolean): string {
  const hash = createHash("sha256");
  let left = MAX_FILES;
  const walk = (path: string) => {
    const entries = [...Deno.readDirSync(path)].sort(({ name: a }, { name: b }) => a < b ? -1 : 1);
    for (const { name, isDirectory } of entries) {
      if (name.startsWith(".") || IGNORED.has(name) || left === 0) continue;
      const inner = `${path}/${name}`;
      if (isDirectory) walk(inner);
      else if (isPart(inner)) {
        left--;
        const info = infoOf(inner);
        hash.update(`${inner.slice(folder.length)}\0${info?.size}\0${info?.mtime?.getTime()}\n`);
      }
    }
  };
  try {
    walk(folder);
  } catch {
    // A file that can't be read is left out.
  }
  return hash.digest("hex").slice(0, 16);
}

function infoOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch {
    return undefined;
  }
}
