/** Adds folders of this machine to a layer. */

import { reasonOf } from "../errors.ts";
import { ImageError } from "./errors.ts";
import type { LayerWriter } from "./layer.ts";

/** A file, folder or link below a folder. */
export interface Leaf {
  /** Relative to the folder. */
  readonly path: string;
  readonly source: string;
  readonly kind: "file" | "directory" | "symlink";
  /** In bytes; 0 for anything but a file. */
  readonly size: number;
  readonly executable: boolean;
}

const READ_BYTES = 1024 * 1024;

/**
 * Lists everything below a folder, in the byte order of names. Links are not followed.
 *
 * @param skip whether to leave out a path, with all that is below it
 * @throws {ImageError} if something can't be read, or is a device, a FIFO or a socket
 */
export function walk(root: string, skip: (path: string) => boolean = () => false): Leaf[] {
  const leaves: Leaf[] = [];
  const visit = (prefix: string) => {
    const names = attempt(
      `${root}/${prefix}`,
      () => [...Deno.readDirSync(`${root}/${prefix}`)].map(({ name }) => name),
    );
    for (const name of names.sort()) {
      const path = `${prefix}${name}`;
      if (skip(path)) continue;
      const source = `${root}/${path}`;
      const { isFile, isDirectory, isSymlink, size, mode } = attempt(source, () => Deno.lstatSync(source));
      if (!isFile && !isDirectory && !isSymlink) {
        throw new ImageError(`'${source}' is a device, a FIFO or a socket, which an image can't contain: remove it`);
      }
      const kind = isFile ? "file" : isDirectory ? "directory" : "symlink";
      leaves.push({ path, source, kind, size: isFile ? size : 0, executable: isFile && (mode! & 0o111) !== 0 });
      if (isDirectory) visit(`${path}/`);
    }
  };
  visit("");
  return leaves;
}

/** Adds what {@linkcode walk} has found below a folder of the image. @throws {ImageError} if a file can't be read */
export async function addTree(writer: LayerWriter, folder: string, leaves: readonly Leaf[]): Promise<void> {
  await writer.folder(folder);
  for (const { path, source, kind, size, executable } of leaves) {
    const to = `${folder}/${path}`;
    if (kind === "directory") await writer.folder(to);
    else if (kind === "symlink") await writer.link(to, attempt(source, () => Deno.readLinkSync(source)));
    else await writer.file({ path: to, size, executable }, chunksOf(source));
  }
}

/** Reads a file in chunks that are reused. @throws {ImageError} if it can't be read */
export function* chunksOf(path: string): Generator<Uint8Array> {
  using file = attempt(path, () => Deno.openSync(path));
  const space = new Uint8Array(READ_BYTES);
  for (;;) {
    const count = attempt(path, () => file.readSync(space));
    if (count === null) return;
    yield space.subarray(0, count);
  }
}

function attempt<T>(path: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    throw new ImageError(`'${path}' can't be read: ${reasonOf(cause)}`, { cause });
  }
}
