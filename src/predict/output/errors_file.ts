/** Collects the errors of a run in a separate file. An error is written before its line of output, and therefore never missing. */

import { AimodellibError, reasonOf } from "../../errors.ts";
import { FileBeside } from "../../atomic_file.ts";
import { errorLine, type RecordError } from "../answer_line.ts";
import { remove } from "./journal.ts";
import { LineFile, type WholeLines, wholeLines } from "./line_file.ts";

/** The file of errors of a run in progress. */
export class ErrorsFile implements Disposable {
  readonly #path: string;
  readonly #file: LineFile;

  /**
   * @param path the path of the file during the run
   * @param kept tells for each error in an existing file whether its record is in the output; the first false ends the search
   * @throws {WriteError} if it can't be written to
   */
  constructor(path: string, kept: (error: RecordError) => boolean) {
    this.#path = path;
    const lines = keptLines(path, kept);
    this.count = lines.lines;
    this.#file = new LineFile(path, lines);
  }

  /** How many errors the file has, including those of earlier runs. */
  count: number;

  /** Adds an error. */
  append(error: RecordError): void {
    this.count++;
    this.#file.append(errorLine(error));
  }

  /** Writes the added errors to the file. @throws {WriteError} if that fails */
  flush(): void {
    this.#file.flush();
  }

  /** Closes the file, and moves it to `target` if the user named one. @throws {WriteError} if that fails */
  publish(target: string | undefined): void {
    this.#file.finish();
    if (target !== undefined) copy(this.#path, target);
  }

  /** Removes the file after a complete run. */
  remove(): void {
    remove(this.#path);
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}

function keptLines(path: string, kept: (error: RecordError) => boolean): WholeLines {
  return wholeLines(path, (line) => {
    try {
      const { error } = JSON.parse(new TextDecoder().decode(line));
      return kept(error);
    } catch {
      return false;
    }
  }) ?? { lines: 0, bytes: 0 };
}

function copy(from: string, to: string): void {
  using target = new FileBeside(to);
  using source = Deno.openSync(from);
  const space = new Uint8Array(256 * 1024);
  try {
    for (let count = source.readSync(space); count !== null; count = source.readSync(space)) {
      target.write(space.subarray(0, count));
    }
  } catch (cause) {
    if (cause instanceof AimodellibError) throw cause;
    throw new AimodellibError(`'${from}' can't be read: ${reasonOf(cause)}`, { cause });
  }
  target.commit();
}
