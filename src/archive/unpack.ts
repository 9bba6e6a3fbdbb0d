/**
 * Unpacks a Model Archive: all of it, or nothing.
 *
 * 1. It is written to a folder beside its place, which takes that place when the last byte was checked.
 * 2. No link exists while files are written; they are made when all of them are known and lead nowhere else.
 */

import { reasonOf, UsageError } from "../errors.ts";
import { temporaryBeside } from "../atomic_file.ts";
import { ArchiveError } from "./errors.ts";
import { Writer } from "./files/writer.ts";
import type { ByteSource } from "./gzip/reader.ts";
import { OriginRecorder } from "./origin.ts";
import { scan, type ScanOptions, type ScanResult } from "./scan.ts";

/** How it is unpacked. */
export interface UnpackOptions extends ScanOptions {
  /** The archive's path, or `-`: the folder gets a note that says where it is from (see `origin.ts`). */
  readonly noteOrigin?: string | undefined;
}

/**
 * Unpacks an archive into a folder, which appears only when it is complete.
 *
 * @param folder which is made; it may be there if it is empty
 * @throws {UsageError} if the folder holds something
 * @throws {ArchiveError} if the folder can't be written to, or which names what is wrong with the archive
 */
export async function unpack(source: ByteSource, folder: string, options: UnpackOptions = {}): Promise<ScanResult> {
  const path = folder.length > 1 ? folder.replace(/\/+$/, "") : folder;
  checkPlace(path);
  const temporary = temporaryBeside(path);
  try {
    Deno.mkdirSync(temporary, { mode: 0o700 });
  } catch (cause) {
    throw new ArchiveError(`The folder '${path}' can't be made: ${reasonOf(cause)}`, { cause });
  }
  try {
    const result = await write(source, temporary, options);
    checkPlace(path);
    Deno.chmodSync(temporary, 0o755);
    Deno.renameSync(temporary, path);
    return result;
  } catch (error) {
    Deno.removeSync(temporary, { recursive: true });
    throw error;
  }
}

async function write(source: ByteSource, folder: string, options: UnpackOptions): Promise<ScanResult> {
  // Of a relative path, the system would be asked for each file where that begins.
  await using writer = new Writer(Deno.realPathSync(folder));
  const { noteOrigin } = options;
  const recorder = noteOrigin === undefined ? undefined : new OriginRecorder(writer);
  const result = await scan(source, recorder ?? writer, options);
  await writer.finish();
  if (noteOrigin !== undefined) recorder?.write(folder, noteOrigin, result);
  return result;
}

/** @throws {UsageError} if something is there that would be lost */
function checkPlace(path: string): void {
  try {
    const [first] = Deno.readDirSync(path);
    if (first !== undefined) {
      throw new UsageError(`The folder '${path}' is not empty: name one that is, or is not there`);
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    if (error instanceof UsageError) throw error;
    throw new UsageError(`'${path}' can't be unpacked to: ${reasonOf(error)}`, { cause: error });
  }
}
