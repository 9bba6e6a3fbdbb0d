/** Writes a file to a temporary name beside its target, and renames it when it is complete; devices and pipes are written to directly. */

import { AimodellibError, reasonOf } from "./errors.ts";
import { isSpecial, openSpecial, type SpecialFile } from "./files.ts";

/** A file can't be written; the message names it and the reason. */
export class WriteError extends AimodellibError {
  override readonly name = "WriteError";
}

/**
 * A file that appears under its name only when it is complete; until then, disposing it leaves nothing behind. It never replaces a device, a
 * pipe or a descriptor, such as `/dev/null` or `/dev/stdout`.
 */
export class FileBeside implements Disposable {
  readonly file: SpecialFile;
  readonly #path: string;
  /** Undefined if the target is not a file. */
  readonly #temporary: string | undefined;
  #new: Deno.FsFile | undefined;
  #done = false;

  /**
   * @param mode the file's permissions, from which the umask is subtracted
   * @throws {WriteError} if the temporary file can't be created
   */
  constructor(path: string, mode = 0o666) {
    this.#path = path;
    this.#temporary = isSpecial(path) ? undefined : temporaryBeside(path);
    try {
      this.file = this.#temporary === undefined
        ? openSpecial(path)
        : this.#new = Deno.openSync(this.#temporary, { write: true, createNew: true, mode });
    } catch (cause) {
      throw this.#unwritable(cause);
    }
  }

  /** Writes all of `bytes`. @throws {WriteError} if the disk is full */
  write(bytes: Uint8Array): void {
    try {
      for (let written = 0; written < bytes.length;) written += this.file.writeSync(bytes.subarray(written));
    } catch (cause) {
      throw this.#unwritable(cause);
    }
  }

  /** Syncs the file and renames it to its target, which it replaces. @throws {WriteError} if that fails */
  commit(): void {
    try {
      this.#new?.syncDataSync();
      this.file.close();
      if (this.#temporary !== undefined) Deno.renameSync(this.#temporary, this.#path);
    } catch (cause) {
      throw this.#unwritable(cause);
    }
    this.#done = true;
  }

  #unwritable(cause: unknown): WriteError {
    return new WriteError(`'${this.#path}' can't be written: ${reasonOf(cause)}`, { cause });
  }

  [Symbol.dispose](): void {
    if (this.#done) return;
    try {
      this.file.close();
    } catch {
      // The file was closed, but renaming it failed.
    }
    if (this.#temporary !== undefined) Deno.removeSync(this.#temporary);
  }
}

/** A unique hidden name in the same folder. */
export function temporaryBeside(path: string): string {
  const slash = path.lastIndexOf("/") + 1;
  return `${path.slice(0, slash)}.${path.slice(slash)}.${crypto.randomUUID().slice(0, 8)}.tmp`;
}

/** Whether a name is one of {@linkcode temporaryBeside}: a file or a folder with it is unfinished, or was left by a run that was killed. */
export function isTemporary(name: string): boolean {
  return /^\..+\.[0-9a-f]{8}\.tmp$/.test(name);
}
