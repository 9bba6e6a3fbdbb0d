/** Writing beside the place where something is to be, and renaming it when it is complete. */

import { AimodellibError, reasonOf } from "./errors.ts";

/** A file that can't be written. The message names it. */
export class WriteError extends AimodellibError {
  override readonly name = "WriteError";
}

/** A file that takes its place when it is complete, and leaves nothing behind when it never is. */
export class FileBeside implements Disposable {
  readonly file: Deno.FsFile;
  readonly #path: string;
  readonly #temporary: string;
  #done = false;

  /**
   * @param mode its permissions, but for what the umask takes away
   * @throws {WriteError} if the folder can't be written to
   */
  constructor(path: string, mode = 0o666) {
    this.#path = path;
    this.#temporary = temporaryBeside(path);
    try {
      this.file = Deno.openSync(this.#temporary, { write: true, createNew: true, mode });
    } catch (cause) {
      throw this.#unwritable(cause);
    }
  }

  /** Where it is written to. */
  get temporary(): string {
    return this.#temporary;
  }

  /** Writes all of `bytes`. @throws {WriteError} if the disk is full */
  write(bytes: Uint8Array): void {
    try {
      for (let written = 0; written < bytes.length;) written += this.file.writeSync(bytes.subarray(written));
    } catch (cause) {
      throw this.#unwritable(cause);
    }
  }

  /** Puts it in its place, from where what was there is gone. @throws {WriteError} if that can't be done */
  commit(): void {
    try {
      this.file.syncDataSync();
      this.file.close();
      Deno.renameSync(this.#temporary, this.#path);
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
      // It was closed before it could be renamed.
    }
    Deno.removeSync(this.#temporary);
  }
}

/** A name in the same folder, hidden, that nobody else takes. */
export function temporaryBeside(path: string): string {
  const slash = path.lastIndexOf("/") + 1;
  return `${path.slice(0, slash)}.${path.slice(slash)}.${crypto.randomUUID().slice(0, 8)}.tmp`;
}
