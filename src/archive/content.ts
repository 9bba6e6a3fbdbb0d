/**
 * Records the content of an unpacked archive, so that a later run can detect changes and make a copy.
 *
 * 1. Small files are compared by their SHA-256 when they are copied.
 * 2. Large files are not read again: their size, inode and time of change (`st_ctime`) reveal any write, because no program can
 *    set that time.
 */

import { createHash } from "node:crypto";
import { distrustOf } from "../cache/private.ts";

/** Files of at least this size are shared by all runs instead of copied, in bytes. */
export const LARGE_BYTES = 4 * 1024 * 1024;
/** The size of the read buffer, in bytes. */
const READ_BYTES = 1024 * 1024;

/** Files up to this size are read with one call: opening a file and asking for its size take longer than reading it. */
const WHOLE_BYTES = 64 * 1024;

/** A file, a folder or a link of an unpacked archive. */
export type Item =
  | { readonly kind: "folder"; readonly path: string }
  | { readonly kind: "link"; readonly path: string; readonly target: string }
  | {
    readonly kind: "file";
    readonly path: string;
    readonly size: number;
    readonly sha256: string;
    readonly changed: string;
  };

/** Lists the content of a folder, each folder before what it contains. Reads all files for their SHA-256. */
export function contentOf(root: string): Item[] {
  const items: Item[] = [];
  const walk = (folder: string, prefix: string) => {
    for (const { name, isDirectory, isSymlink } of Deno.readDirSync(folder)) {
      const path = `${prefix}${name}`;
      const full = `${folder}/${name}`;
      if (isSymlink) {
        items.push({ kind: "link", path, target: Deno.readLinkSync(full) });
      } else if (isDirectory) {
        items.push({ kind: "folder", path });
        walk(full, `${path}/`);
      } else {
        // If the file changes after this, the recorded time is wrong, and the change is detected.
        const info = Deno.lstatSync(full);
        const sha256 = info.size > WHOLE_BYTES ? hashFile(full) : hashSmall(full);
        items.push({ kind: "file", path, size: info.size, sha256, changed: changeOf(info) });
      }
    }
  };
  walk(root, "");
  return items;
}

/** A text that changes when a file is written to or replaced. */
export function changeOf({ ctime, ino, dev, mtime }: Deno.FileInfo): string {
  return `${dev} ${ino} ${ctime?.getTime()} ${mtime?.getTime()}`;
}

/** The SHA-256 of a file's bytes, in hexadecimal digits. */
export function hashFile(path: string): string {
  const hash = createHash("sha256");
  using file = Deno.openSync(path);
  const space = new Uint8Array(Math.min(READ_BYTES, file.statSync().size + 1));
  for (let count = file.readSync(space); count !== null; count = file.readSync(space)) {
    hash.update(space.subarray(0, count));
  }
  return hash.digest("hex");
}

function hashSmall(path: string): string {
  return createHash("sha256").update(Deno.readFileSync(path)).digest("hex");
}

/** Whether a folder still has the recorded content, as far as file metadata shows, and no other user can have changed it. */
export function holds(root: string, items: readonly Item[]): boolean {
  try {
    if (distrustOf(root) !== undefined) return false;
    const counts = new Map<string, number>([["", 0]]);
    for (const item of items) {
      const path = `${root}/${item.path}`;
      const info = Deno.lstatSync(path);
      if (!isAs(info, item, path) || distrustOf(path) !== undefined) return false;
      if (item.kind === "folder") counts.set(item.path, 0);
      const parent = item.path.slice(0, Math.max(0, item.path.lastIndexOf("/")));
      counts.set(parent, counts.get(parent)! + 1);
    }
    // The counts reveal added files.
    for (const [folder, count] of counts) {
      if ([...Deno.readDirSync(folder === "" ? root : `${root}/${folder}`)].length !== count) return false;
    }
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}

function isAs(info: Deno.FileInfo, item: Item, path: string): boolean {
  switch (item.kind) {
    case "folder":
      return info.isDirectory;
    case "link":
      return info.isSymlink && Deno.readLinkSync(path) === item.target;
    case "file":
      return info.isFile && info.size === item.size && changeOf(info) === item.changed;
  }
}
