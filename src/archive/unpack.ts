/**
 * Unpacks a Model Archive completely, or not at all.
 *
 * 1. The content is written to a temporary folder beside the target, which is renamed when the last byte has been checked. A target that
 *    exists may be a mount point, or in a folder that can't be written to: the temporary folder is then in it, and its content is moved up.
 * 2. No link exists while files are written: links are created last, when it is known that none of them leads out.
 */

import { reasonOf, UsageError } from "../errors.ts";
import { isTemporary, temporaryBeside } from "../atomic_file.ts";
import { ArchiveError } from "./errors.ts";
import { Writer } from "./files/writer.ts";
import type { ByteSource } from "./gzip/reader.ts";
import { MANIFEST_NAME } from "./manifest.ts";
import { OriginRecorder } from "./origin_recorder.ts";
import { ORIGIN_NAME } from "./origin_name.ts";
import { scan, type ScanOptions, type ScanResult } from "./scan.ts";

/** How an archive is unpacked. */
export interface UnpackOptions extends ScanOptions {
  /** The archive's path, or `-`. If set, the folder gets a note of its origin (see `origin.ts`). */
  readonly noteOrigin?: string | undefined;
}

/**
 * Unpacks an archive into a folder, which appears only when it is complete.
 *
 * @param folder is created; it may exist if it is empty
 * @throws {UsageError} if the folder is not empty
 * @throws {ArchiveError} if the archive is not valid, or the folder can't be written
 */
export async function unpack(source: ByteSource, folder: string, options: UnpackOptions = {}): Promise<ScanResult> {
  const path = folder.length > 1 ? folder.replace(/\/+$/, "") : folder;
  const isThere = checkPlace(path);
  const temporary = temporaryBeside(isThere ? `${path}/content` : path);
  try {
    Deno.mkdirSync(temporary, { mode: 0o700 });
  } catch (cause) {
    const what = isThere ? "written to" : "created";
    throw new ArchiveError(`can't be unpacked: the folder '${path}' can't be ${what}: ${reasonOf(cause)}`, { cause });
  }
  try {
    const result = await write(source, temporary, options);
    checkPlace(path);
    if (isThere) {
      moveUp(temporary, path);
    } else {
      Deno.chmodSync(temporary, 0o755);
      Deno.renameSync(temporary, path);
    }
    return result;
  } catch (error) {
    Deno.removeSync(temporary, { recursive: true });
    throw error;
  }
}

/** Moves the content of a folder to the folder around it: all of it, or nothing. */
function moveUp(from: string, to: string): void {
  // The manifest comes last: whoever waits for it finds the rest.
  const names = [...Deno.readDirSync(from)].map(({ name }) => name)
    .sort((a, b) => Number(a === MANIFEST_NAME) - Number(b === MANIFEST_NAME));
  const moved: string[] = [];
  try {
    for (const name of names) {
      Deno.renameSync(`${from}/${name}`, `${to}/${name}`);
      moved.push(name);
    }
  } catch (error) {
    for (const name of moved) Deno.removeSync(`${to}/${name}`, { recursive: true });
    throw error;
  }
  Deno.removeSync(from);
}

async function write(source: ByteSource, folder: string, options: UnpackOptions): Promise<ScanResult> {
  // With an absolute path, the working directory is not looked up again for each file.
  await using writer = new Writer(Deno.realPathSync(folder));
  const { noteOrigin } = options;
  const recorder = noteOrigin === undefined ? undefined : new OriginRecorder(writer);
  const result = await scan(source, recorder ?? writer, options);
  // Other threads may still be writing meanwhile.
  const note = noteOrigin === undefined ? undefined : recorder?.note(noteOrigin, result);
  await writer.finish();
  if (note !== undefined) Deno.writeTextFileSync(`${folder}/${ORIGIN_NAME}`, note);
  return result;
}

/**
 * Checks that the target does not exist, or is an empty folder, except for what unpacking leaves if it is killed.
 *
 * @returns whether it exists
 * @throws {UsageError} if it would lose its content
 */
function checkPlace(path: string): boolean {
  try {
    for (const { name } of Deno.readDirSync(path)) {
      if (!isTemporary(name)) {
        throw new UsageError(`The folder '${path}' is not empty: choose an empty or a new folder`);
      }
    }
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    if (error instanceof UsageError) throw error;
    throw new UsageError(`The archive can't be unpacked to '${path}': ${reasonOf(error)}`, { cause: error });
  }
}
