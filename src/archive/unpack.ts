/**
 * Unpacks a Model Archive completely, or not at all.
 *
 * 1. The content is written to a temporary folder beside the target, which is renamed when the last byte has been checked.
 * 2. No link exists while files are written: links are created last, when it is known that none of them leads out.
 */

import { reasonOf, UsageError } from "../errors.ts";
import { temporaryBeside } from "../atomic_file.ts";
import { ArchiveError } from "./errors.ts";
import { Writer } from "./files/writer.ts";
import type { ByteSource } from "./gzip/reader.ts";
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
  checkPlace(path);
  const temporary = temporaryBeside(path);
  try {
    Deno.mkdirSync(temporary, { mode: 0o700 });
  } catch (cause) {
    throw new ArchiveError(`can't be unpacked: the folder '${path}' can't be created: ${reasonOf(cause)}`, { cause });
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

/** Checks that the target does not exist, or is an empty folder. @throws {UsageError} if it would lose its content */
function checkPlace(path: string): void {
  try {
    const [first] = Deno.readDirSync(path);
    if (first !== undefined) {
      throw new UsageError(`The folder '${path}' is not empty: choose an empty or a new folder`);
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    if (error instanceof UsageError) throw error;
    throw new UsageError(`The archive can't be unpacked to '${path}': ${reasonOf(error)}`, { cause: error });
  }
}
