/** The errors of a run in a file of their own. They are written before the lines of the output that they are of, so none is missing. */

import { AimodellibError, reasonOf } from "../../errors.ts";
import { FileBeside } from "../../atomic_file.ts";
import { errorLine, type RecordError } from "../answer_line.ts";
import { remove } from "./journal.ts";
import { LineFile, type WholeLines, wholeLines } from "./line_file.ts";

/** Errors that are gathered while a run goes on. */
export class ErrorsFile implements Disposable {
  readonly #path: string;
  readonly #file: LineFile;

  /**
   * @param path of the file while the run goes on
   * @param kept tells of each error that is there already whether its record is in the output; after the first that is not, none is
   * @throws {WriteError} if it can't be written to
   */
  constructor(path: string, kept: (error: RecordError) => boolean) {
    this.#path = path;
    const lines = keptLines(path, kept);
    this.count = lines.lines;
    this.#file = new LineFile(path, lines);
  }

  /** How many there are, those that were there before among them. */
  count: number;

  /** Adds one. */
  append(error: RecordError): void {
    this.count++;
    this.#file.append(errorLine(error));
  }

  /** Writes what was added. @throws {WriteError} if that can't be done */
  flush(): void {
    this.#file.flush();
  }

  /** Ends it: puts the errors where the user wants them, if anywhere. @throws {WriteError} if that can't be done */
  publish(target: string | undefined): void {
    this.#file.finish();
    if (target !== undefined) copy(this.#path, target);
  }

  /** Removes the file of a run that is complete. */
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
